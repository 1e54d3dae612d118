// SPDX-License-Identifier: Apache-2.0
// The network of deformable attention's continuous position bias: its parameters in a checkpoint, and all of them
// together as the kernels read them.
#pragma once

#include <array>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/fixed_vector.hpp"
#include "kernels/position_bias.hpp"
#include "modules/weights.hpp"

namespace saccade {

/// A distance that all up to `distance` lie within, rounded up to 3, 4, 6, 8, 12, 16, ...: maps of many sizes then have
/// one domain. Positions run from -1 to 1 whatever the size, so that most distances end a little above 2.
float biasReach(float distance);

class BiasNetwork {
public:
    FixedVector<SourceId, 6> sources;
    WeightId packed = 0;
    uint32_t dims = 0, width = 0, outputs = 0;

    /// Declares prefix + "mlp.{0,1}.0" and "mlp.2". Throws SAC_ERROR_UNSUPPORTED, saying that `widthRule` makes it so,
    /// for more than 256 hidden units. Without any it adds a constant to all scores of a head, which a softmax does not
    /// see: then nothing is declared, and there is no bias to add.
    BiasNetwork(WeightSet& weights, std::string_view prefix, uint32_t dims, uint32_t width, uint32_t outputs,
                const char* widthRule);

    /// chooseBiasTable over distances up to `reach` along each axis, which is remembered: plans of one domain have one
    /// table, and the first of them finds it. Several threads may ask at once.
    std::optional<BiasTable> table(const WeightSet& weights, const std::array<float, 3>& reach, bool logDistance,
                                   double tolerance, uint64_t limit, Progress* progress) const;

    /// `sources` are the elements of the six.
    static PositionBiasWeights view(std::span<const std::span<const float>> sources, uint32_t dims, uint32_t width,
                                    uint32_t outputs) {
        return {dims, width, outputs, sources[0], sources[1], sources[2], sources[3], sources[4], sources[5]};
    }

private:
    struct Found {
        std::array<float, 3> reach;
        bool logDistance;
        double tolerance;
        uint64_t limit;
        std::optional<BiasTable> table;
    };
    mutable std::mutex mutex_;
    mutable std::pmr::vector<Found> found_;
};

} // namespace saccade
