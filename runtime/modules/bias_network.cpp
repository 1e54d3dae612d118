#include "modules/bias_network.hpp"

#include "base/error.hpp"

namespace saccade {

BiasNetwork::BiasNetwork(WeightSet& weights, std::string_view prefix, uint32_t dims, uint32_t width, uint32_t outputs,
                         const char* widthRule)
    : dims(dims), width(width), outputs(outputs) {
    if (width > 256)
        throw Error(SAC_ERROR_UNSUPPORTED, "config \"dim\": the position bias network has %s = %u units, at most 256",
                    widthRule, width);
    if (width == 0)
        return;
    const auto source = [&](const char* name, const Shape& shape) {
        std::pmr::string full(prefix, weights.memory());
        full += name;
        return weights.source(full, shape);
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

} // namespace saccade
