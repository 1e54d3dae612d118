// SPDX-License-Identifier: Apache-2.0
// torch.nn.functional.grid_sample for 1 to 3 axes. PyTorch has no 1D form; it is the 2D one on a column image,
// sampled along its height at x = 0.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

enum class SampleMode { nearest, linear, cubic };
enum class SamplePadding { zeros, border, reflection };

struct SampleOptions {
    SampleMode mode = SampleMode::linear;
    SamplePadding padding = SamplePadding::zeros;
    bool alignCorners = false;
};

/// One pixel of one axis and its share in a sample.
struct Tap {
    int64_t index;
    double weight;
};

/// The pixels a position between -1 and 1 (beyond: outside) reads on an axis of `size` pixels. Pixels that padding
/// with zeros hides are left out. A sample is the sum over all combinations of the axes' taps.
std::vector<Tap> axisTaps(double position, int64_t size, const SampleOptions& options);

/// Linear interpolation with zeros outside, at a position in pixels.
std::vector<Tap> pixelTaps(double pixel, int64_t size);

/// x (b, c, *S), grid (b, *out, axes) with the last spatial axis first, (x[, y[, z]]) -> (b, c, *out).
Tensor gridSample(const Tensor& x, const Tensor& grid, const SampleOptions& options);

/// Reads "mode", "padding" and "align_corners" from the module's config. Inputs "x", "grid"; result "y".
Tensors runGridSample(const nlohmann::json& config, const Tensors& inputs);

} // namespace saccade::reference
