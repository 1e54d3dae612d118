// SPDX-License-Identifier: Apache-2.0
#include "reference/tutorial_attention.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/grid_sample.hpp"
#include "reference/layers.hpp"

namespace saccade::reference {

Tensors runTutorialAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor& x = get(inputs, "x");
    const int64_t batch = x.size(0), height = x.size(2), width = x.size(3), n = height * width;
    const int64_t heads = config.at("num_heads"), channels = config.at("out_channels"), d = channels / heads;
    const auto project = [&](const std::string& layer, const ConvOptions& options = {}) {
        return conv(x, get(weights, layer + ".weight"), find(weights, layer + ".bias"), options);
    };
    ConvOptions padded;
    padded.before = padded.after = {1, 1};
    const Tensor offsets = project("offset_conv", padded); // dx of every head, then dy of every head, in pixels

    const bool listing = config.value("axis_order", "xy") == "reference";
    const auto steps = [](int64_t size) { return static_cast<double>(std::max<int64_t>(size - 1, 1)); };
    Tensor grid({batch * heads, height, width, 2});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t row = 0; row < height; ++row)
                for (int64_t column = 0; column < width; ++column) {
                    // The listing adds dx to the row and dy to the column, and the sampler reads those as x and y.
                    const double px = static_cast<double>(listing ? row : column) + offsets(b, h, row, column);
                    const double py = static_cast<double>(listing ? column : row) + offsets(b, heads + h, row, column);
                    grid(b * heads + h, row, column, 0) = 2 * px / steps(width) - 1;
                    grid(b * heads + h, row, column, 1) = 2 * py / steps(height) - 1;
                }

    SampleOptions sampling;
    sampling.alignCorners = true;
    const auto sampled = [&](const std::string& layer) {
        return gridSample(project(layer).reshaped({batch * heads, d, height, width}), grid, sampling)
            .reshaped({batch, heads, d, n});
    };
    const Tensor q = project("query_conv").reshaped({batch, heads, d, n});
    const Tensor k = sampled("key_conv"), v = sampled("value_conv");
    const double scale = config.value("scaled", true) ? 1 / std::sqrt(static_cast<double>(d)) : 1;

    // As attention sees it: pattern "positions" has n tokens of d features; pattern "rows" treats every channel of
    // every head as a head of its own, with `height` tokens of `width` features.
    const bool rows = config.value("pattern", "positions") == "rows";
    const auto tokens = [&](const Tensor& t) {
        if (rows)
            return t.reshaped({batch, channels, height, width});
        Tensor transposed({batch, heads, n, d});
        for (int64_t b = 0; b < batch; ++b)
            for (int64_t h = 0; h < heads; ++h)
                for (int64_t i = 0; i < n; ++i)
                    for (int64_t c = 0; c < d; ++c)
                        transposed(b, h, i, c) = t(b, h, c, i);
        return transposed;
    };
    const Tensor attended = attention(tokens(q), tokens(k), tokens(v),
                                      [&](int64_t, int64_t, int64_t, int64_t, double dot) { return dot * scale; });
    Tensor y({batch, channels, height, width});
    if (rows)
        y = attended;
    else
        for (int64_t b = 0; b < batch; ++b)
            for (int64_t c = 0; c < channels; ++c)
                for (int64_t i = 0; i < n; ++i)
                    y(b, c, i / width, i % width) = attended(b, c / d, i, c % d);
    return {{"y", y}, {"grid", grid}};
}

} // namespace saccade::reference
