// The network of deformable attention's continuous position bias: its parameters in a checkpoint, and all of them
// together as the kernels read them.
#pragma once

#include <span>
#include <string_view>

#include "base/fixed_vector.hpp"
#include "kernels/position_bias.hpp"
#include "modules/weights.hpp"

namespace saccade {

struct BiasNetwork {
    FixedVector<SourceId, 6> sources;
    WeightId packed = 0;
    uint32_t dims = 0, width = 0, outputs = 0;

    /// Declares prefix + "mlp.{0,1}.0" and "mlp.2". Throws SAC_ERROR_UNSUPPORTED, saying that `widthRule` makes it so,
    /// for more than 256 hidden units. Without any it adds a constant to all scores of a head, which a softmax does not
    /// see: then nothing is declared, and there is no bias to add.
    BiasNetwork(WeightSet& weights, std::string_view prefix, uint32_t dims, uint32_t width, uint32_t outputs,
                const char* widthRule);

    /// `sources` are the elements of the six.
    static PositionBiasWeights view(std::span<const std::span<const float>> sources, uint32_t dims, uint32_t width,
                                    uint32_t outputs) {
        return {dims, width, outputs, sources[0], sources[1], sources[2], sources[3], sources[4], sources[5]};
    }
};

} // namespace saccade
