// SPDX-License-Identifier: Apache-2.0
#include "reference/msdeform_attention.hpp"

#include <nlohmann/json.hpp>

#include "reference/grid_sample.hpp"
#include "reference/layers.hpp"

namespace saccade::reference {

Tensors runMSDeformAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const int64_t model = config.value("d_model", 256), levels = config.value("n_levels", 4);
    const int64_t heads = config.value("n_heads", 8), points = config.value("n_points", 4), d = model / heads;
    const Tensor &query = get(inputs, "query"), &x = get(inputs, "x"), &references = get(inputs, "reference_points");
    const Tensor& shapes = get(inputs, "spatial_shapes");
    const int64_t batch = query.size(0), queries = query.size(1), pixels = x.size(1);
    const auto project = [&](const std::string& layer, const Tensor& tokens) {
        return linear(tokens, get(weights, layer + ".weight"), find(weights, layer + ".bias"));
    };

    Tensor value = project("value_proj", x).reshaped({batch, pixels, heads, d});
    if (const Tensor* padding = find(inputs, "padding_mask"))
        for (int64_t b = 0; b < batch; ++b)
            for (int64_t i = 0; i < pixels; ++i)
                for (int64_t h = 0; h < heads; ++h)
                    for (int64_t c = 0; c < d; ++c)
                        if ((*padding)(b, i) != 0)
                            value(b, i, h, c) = 0;

    Tensor locations = project("sampling_offsets", query).reshaped({batch, queries, heads, levels, points, 2});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t i = 0; i < queries; ++i)
            for (int64_t h = 0; h < heads; ++h)
                for (int64_t l = 0; l < levels; ++l)
                    for (int64_t p = 0; p < points; ++p)
                        for (int64_t c = 0; c < 2; ++c) {
                            double& location = locations(b, i, h, l, p, c);
                            const double reference = references(b, i, l, c);
                            if (references.size(3) == 2) // offsets in pixels of the level; shapes are (h, w)
                                location = reference + location / shapes(l, 1 - c);
                            else // offsets in halves of a box given as centre and size
                                location = reference +
                                           location / static_cast<double>(points) * references(b, i, l, 2 + c) * 0.5;
                        }

    const Tensor logits = project("attention_weights", query).reshaped({batch, queries, heads, levels * points});
    Tensor gathered({batch, queries, model});
    std::vector<double> shares(static_cast<std::size_t>(levels * points));
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t i = 0; i < queries; ++i)
            for (int64_t h = 0; h < heads; ++h) {
                for (int64_t s = 0; s < levels * points; ++s)
                    shares[static_cast<std::size_t>(s)] = logits(b, i, h, s);
                softmax(shares);
                int64_t levelStart = 0;
                for (int64_t l = 0; l < levels; ++l) {
                    const auto height = static_cast<int64_t>(shapes(l, 0)), width = static_cast<int64_t>(shapes(l, 1));
                    for (int64_t p = 0; p < points; ++p) {
                        const double px = locations(b, i, h, l, p, 0) * static_cast<double>(width) - 0.5;
                        const double py = locations(b, i, h, l, p, 1) * static_cast<double>(height) - 0.5;
                        const double share = shares[static_cast<std::size_t>(l * points + p)];
                        for (const Tap& ty : pixelTaps(py, height))
                            for (const Tap& tx : pixelTaps(px, width))
                                for (int64_t c = 0; c < d; ++c)
                                    gathered(b, i, h * d + c) +=
                                        share * ty.weight * tx.weight *
                                        value(b, levelStart + ty.index * width + tx.index, h, c);
                    }
                    levelStart += height * width;
                }
            }
    return {{"y", project("output_proj", gathered)}, {"sampling_locations", locations}};
}

} // namespace saccade::reference
