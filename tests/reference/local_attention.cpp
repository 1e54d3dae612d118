// SPDX-License-Identifier: Apache-2.0
#include "reference/local_attention.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

Shape perAxis(const nlohmann::json& value, int axes) {
    return value.is_array() ? value.get<Shape>() : Shape(static_cast<std::size_t>(axes), value.get<int64_t>());
}

/// Flat indices of all keys that the query with this flat index sees.
std::vector<int64_t> seenKeys(int64_t query, const Shape& size, const Shape& window, const Shape& dilation,
                              bool neighborhood) {
    std::vector<int64_t> keys{0};
    int64_t rest = query, count = elementCount(size);
    for (std::size_t axis = 0; axis < size.size(); ++axis) {
        count /= size[axis];
        const int64_t i = rest / count;
        rest %= count;
        std::vector<int64_t> further;
        for (const int64_t key : keys)
            for (const int64_t j : windowPositions(i, size[axis], window[axis], dilation[axis], neighborhood))
                further.push_back(key * size[axis] + j);
        keys = further;
    }
    return keys;
}

} // namespace

std::vector<int64_t> windowPositions(int64_t i, int64_t size, int64_t window, int64_t dilation, bool neighborhood) {
    std::vector<int64_t> positions;
    const int64_t reach = (window - 1) / 2;
    if (!neighborhood) {
        for (int64_t t = -reach; t <= reach; ++t)
            if (i + dilation * t >= 0 && i + dilation * t < size)
                positions.push_back(i + dilation * t);
        return positions;
    }
    std::vector<int64_t> ofClass; // i's residue class modulo the dilation
    for (int64_t j = i % dilation; j < size; j += dilation)
        ofClass.push_back(j);
    const auto places = static_cast<int64_t>(ofClass.size());
    if (places < window)
        throw std::invalid_argument("windowPositions: fewer positions in a class than the window");
    const int64_t first = std::clamp<int64_t>(i / dilation - reach, 0, places - window);
    for (int64_t p = first; p < first + window; ++p)
        positions.push_back(ofClass.at(static_cast<std::size_t>(p)));
    return positions;
}

Tensors runLocalAttention(int axes, const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor& x = get(inputs, "x");
    const Shape size(x.shape.begin() + 2, x.shape.end());
    const int64_t heads = config.at("heads"), d = config.value("dim_head", 64), tokens = elementCount(size);
    const Shape window = perAxis(config.at("window"), axes);
    const Shape dilation = perAxis(config.value("dilation", nlohmann::json(1)), axes);
    const bool neighborhood = config.value("border", "cut") == "neighborhood";

    const Tensor q = conv(x, get(weights, "to_q.weight"), nullptr), k = conv(x, get(weights, "to_k.weight"), nullptr),
                 v = conv(x, get(weights, "to_v.weight"), nullptr);
    const Shape byHead{x.size(0), heads, d, tokens};
    const Tensor qs = q.reshaped(byHead), ks = k.reshaped(byHead), vs = v.reshaped(byHead);
    Tensor attended(byHead);
    for (int64_t i = 0; i < tokens; ++i) {
        const std::vector<int64_t> keys = seenKeys(i, size, window, dilation, neighborhood);
        for (int64_t b = 0; b < x.size(0); ++b)
            for (int64_t h = 0; h < heads; ++h) {
                std::vector<double> weightOf;
                for (const int64_t j : keys) {
                    double dot = 0;
                    for (int64_t c = 0; c < d; ++c)
                        dot += qs(b, h, c, i) * ks(b, h, c, j);
                    weightOf.push_back(dot / std::sqrt(static_cast<double>(d)));
                }
                softmax(weightOf);
                for (int64_t c = 0; c < d; ++c)
                    for (std::size_t n = 0; n < keys.size(); ++n)
                        attended(b, h, c, i) += weightOf[n] * vs(b, h, c, keys[n]);
            }
    }
    return {{"y", conv(attended.reshaped(q.shape), get(weights, "to_out.weight"), find(weights, "to_out.bias"))}};
}

} // namespace saccade::reference
