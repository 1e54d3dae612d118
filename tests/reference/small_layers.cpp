// SPDX-License-Identifier: Apache-2.0
#include "reference/small_layers.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {

Tensors runPhenakiLayerNorm(const Tensors& weights, const Tensors& inputs) {
    return {{"y", layerNorm(get(inputs, "x"), get(weights, "gamma"), &get(weights, "beta"))}};
}

Tensors runGeglu(const Tensors& inputs) {
    const Tensor& x = get(inputs, "x");
    const int64_t half = x.size(-1) / 2;
    Tensor y = lastAxisSlice(x, 0, half);
    const Tensor gates = lastAxisSlice(x, half, half);
    for (std::size_t i = 0; i < y.data.size(); ++i)
        y.data[i] *= gelu(gates.data[i]);
    return {{"y", y}};
}

Tensors runL2Norm(const Tensors& inputs) {
    const Tensor& x = get(inputs, "x");
    const int64_t width = x.size(-1), rows = x.count() / width;
    Tensor y = x.reshaped({rows, width});
    for (int64_t r = 0; r < rows; ++r) {
        double squares = 0;
        for (int64_t c = 0; c < width; ++c)
            squares += y(r, c) * y(r, c);
        for (int64_t c = 0; c < width; ++c)
            y(r, c) /= std::max(std::sqrt(squares), 1e-12);
    }
    return {{"y", y.reshaped(x.shape)}};
}

Tensors runScale(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    Tensor y = get(inputs, "x");
    const Tensor* perChannel = find(weights, "scale");
    const int64_t points = y.count() / (y.size(0) * y.size(1));
    for (int64_t i = 0; i < y.count(); ++i)
        y.data[static_cast<std::size_t>(i)] *=
            perChannel ? (*perChannel)(i / points % y.size(1)) : config.at("scale").get<double>();
    return {{"y", y}};
}

Tensors runCpb(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const int64_t heads = config.at("heads"), groups = config.at("offset_groups"), depth = config.at("depth");
    const int64_t dims = get(weights, "mlp.0.0.weight").size(1), groupHeads = heads / groups;
    const Tensor& kv = get(inputs, "grid_kv");
    const int64_t entries = kv.size(0), m = kv.count() / (entries * dims);
    const Tensor from = get(inputs, "grid_q").reshaped({get(inputs, "grid_q").count() / dims, dims});
    const Tensor to = kv.reshaped({entries, m, dims});
    const int64_t n = from.size(0);
    Tensor bias({entries / groups, heads, n, m});
    for (int64_t bg = 0; bg < entries; ++bg)
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < m; ++j) {
                Tensor value({dims});
                for (int64_t c = 0; c < dims; ++c) {
                    const double p = from(i, c) - to(bg, j, c);
                    value(c) = config.value("log_distance", true) ? std::copysign(std::log(std::fabs(p) + 1), p) : p;
                }
                for (int64_t layer = 0; layer < depth; ++layer) {
                    const std::string name = "mlp." + std::to_string(layer) + ".0";
                    value = linear(value, get(weights, name + ".weight"), find(weights, name + ".bias"));
                    for (double& v : value.data)
                        v = std::max(v, 0.0);
                }
                const std::string last = "mlp." + std::to_string(depth);
                value = linear(value, get(weights, last + ".weight"), find(weights, last + ".bias"));
                for (int64_t o = 0; o < groupHeads; ++o)
                    bias(bg / groups, bg % groups * groupHeads + o, i, j) = value(o);
            }
    return {{"bias", bias}};
}

} // namespace saccade::reference
