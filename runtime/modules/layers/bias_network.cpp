// SPDX-License-Identifier: Apache-2.0
#include "modules/layers/bias_network.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace saccade {

float biasReach(float distance) {
    float reach = 3;
    for (float power = 4; reach < distance && std::isfinite(reach); power *= 2)
        reach = power >= distance ? power : power * 1.5f;
    return reach;
}

BiasNetwork::BiasNetwork(WeightSet& weights, std::string_view prefix, uint32_t dims, uint32_t width, uint32_t outputs,
                         const char* widthRule)
    : dims(dims), width(width), outputs(outputs), found_(weights.memory()) {
    if (width > 256)
        throw Error(SAC_ERROR_UNSUPPORTED, "config \"dim\": the position bias network has %s = %u units, at most 256",
                    widthRule, width);
    if (width == 0)
        return;
    const auto source = [&](const char* name, const Shape& shape) {
        return weights.source(named(weights, prefix, name), shape);
    };
    sources = {source("mlp.0.0.weight", {width, dims}),  source("mlp.0.0.bias", {width}),
               source("mlp.1.0.weight", {width, width}), source("mlp.1.0.bias", {width}),
               source("mlp.2.weight", {outputs, width}), source("mlp.2.bias", {outputs})};
    const uint64_t parameters[] = {dims, width, outputs};
    const auto pack = [](std::span<const std::span<const float>> values, std::span<const uint64_t> p,
                         std::span<float> out) {
        packPositionBias(
            view(values, static_cast<uint32_t>(p[0]), static_cast<uint32_t>(p[1]), static_cast<uint32_t>(p[2])), out);
    };
    packed = weights.pack("position bias network", sources, packedPositionBiasSize(dims, width, outputs), pack,
                          parameters, WeightPrecision::float32);
}

std::optional<BiasTable> BiasNetwork::table(const WeightSet& weights, const std::array<float, 3>& reach,
                                            bool logDistance, double tolerance, uint64_t limit,
                                            Progress* progress) const {
    const auto isThis = [&](const Found& found) {
        return found.reach == reach && found.logDistance == logDistance && found.tolerance == tolerance &&
               found.limit == limit;
    };
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(found_.begin(), found_.end(), isThis);
        if (found != found_.end())
            return found->table;
    }
    std::pmr::vector<std::pmr::vector<float>> values(weights.memory());
    FixedVector<std::span<const float>, 6> spans;
    values.reserve(sources.size());
    for (const SourceId source : sources) {
        values.push_back(weights.read(source));
        spans.push_back(values.back());
    }
    std::array<float, 3> low{}, high{};
    for (uint32_t axis = 0; axis < dims; ++axis) {
        high[axis] = biasCoordinate(reach[axis], logDistance);
        low[axis] = -high[axis];
    }
    const std::optional<BiasTable> table =
        chooseBiasTable(view(spans, dims, width, outputs), std::span(low).first(dims), std::span(high).first(dims),
                        tolerance, weights.memory(), limit, progress);
    const std::lock_guard lock(mutex_);
    if (std::none_of(found_.begin(), found_.end(), isThis)) // another thread may have been as quick
        found_.push_back({reach, logDistance, tolerance, limit, table});
    return table;
}

} // namespace saccade
