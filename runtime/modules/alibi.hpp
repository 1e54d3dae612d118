// ALiBi (Press et al., arXiv 2108.12409): the slope of each head, as phenaki-pytorch computes them.
#pragma once

#include "modules/weights.hpp"

namespace saccade {

/// Declares the slopes as a weight of `heads` floats that comes from no file. For a power of two n head i has
/// 2^(-8 (i + 1) / n); else the slopes of the next lower power of two, then every other one of twice that.
WeightId declareAlibiSlopes(WeightSet& weights, uint32_t heads);

} // namespace saccade
