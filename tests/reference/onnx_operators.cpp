// SPDX-License-Identifier: Apache-2.0
#include "reference/onnx_operators.hpp"

#include <nlohmann/json.hpp>

#include "reference/grid_sample.hpp"
#include "reference/layers.hpp"

namespace saccade::reference {

Tensors runOnnxGridSample(const nlohmann::json& config, const Tensors& inputs) {
    const std::string mode = config.value("mode", "linear"), padding = config.value("padding_mode", "zeros");
    SampleOptions options;
    options.mode = mode == "nearest"                      ? SampleMode::nearest
                   : mode == "cubic" || mode == "bicubic" ? SampleMode::cubic
                                                          : SampleMode::linear;
    options.padding = padding == "border"       ? SamplePadding::border
                      : padding == "reflection" ? SamplePadding::reflection
                                                : SamplePadding::zeros;
    options.alignCorners = config.value("align_corners", 0) != 0;
    const Tensor* grid = find(inputs, "Grid");
    return {{"Y", gridSample(get(inputs, "X"), grid ? *grid : get(inputs, "grid"), options)}};
}

Tensors runOnnxRotaryEmbedding(const nlohmann::json& config, const Tensors& inputs) {
    const Tensor &input = get(inputs, "input"), &cosines = get(inputs, "cos_cache"), &sines = get(inputs, "sin_cache");
    const Tensor* positions = find(inputs, "position_ids");
    const bool interleaved = config.value("interleaved", 0) != 0;
    Tensor x = input.rank() == 3 ? splitHeads(input, config.at("num_heads")) : input;
    int64_t turned = config.value("rotary_embedding_dim", 0);
    turned = turned == 0 ? x.size(3) : turned;

    for (int64_t b = 0; b < x.size(0); ++b)
        for (int64_t h = 0; h < x.size(1); ++h)
            for (int64_t i = 0; i < x.size(2); ++i)
                for (int64_t pair = 0; pair < turned / 2; ++pair) {
                    // Without ids the caches hold one row for every token: (b, n, turned / 2).
                    const auto row = positions ? static_cast<int64_t>((*positions)(b, i)) : 0;
                    const double cosine = positions ? cosines(row, pair) : cosines(b, i, pair);
                    const double sine = positions ? sines(row, pair) : sines(b, i, pair);
                    double& real = x(b, h, i, interleaved ? 2 * pair : pair);
                    double& imaginary = x(b, h, i, interleaved ? 2 * pair + 1 : pair + turned / 2);
                    const double first = real, second = imaginary;
                    real = cosine * first - sine * second;
                    imaginary = sine * first + cosine * second;
                }
    return {{"output", input.rank() == 3 ? mergeHeads(x) : x}};
}

Tensors runOnnxDeformConv(const nlohmann::json& config, const Tensors& inputs) {
    const Tensor &x = get(inputs, "X"), &weight = get(inputs, "W"), &offset = get(inputs, "offset");
    const Tensor *bias = find(inputs, "B"), *mask = find(inputs, "mask");
    if (x.rank() != 4)
        throw std::invalid_argument("onnx.DeformConv: the reference knows 2D only");
    const Shape strides = config.value("strides", Shape{1, 1}), dilations = config.value("dilations", Shape{1, 1});
    const Shape pads = config.value("pads", Shape{0, 0, 0, 0}); // top, left, bottom, right
    const int64_t groups = config.value("group", 1), offsetGroups = config.value("offset_group", 1);

    const int64_t batch = x.size(0), in = x.size(1), height = x.size(2), width = x.size(3);
    const int64_t out = weight.size(0), groupIn = weight.size(1), kh = weight.size(2), kw = weight.size(3);
    const int64_t outHeight = (height + pads[0] + pads[2] - (dilations[0] * (kh - 1) + 1)) / strides[0] + 1;
    const int64_t outWidth = (width + pads[1] + pads[3] - (dilations[1] * (kw - 1) + 1)) / strides[1] + 1;
    // Offsets lie as (b, offset group, kernel row, kernel column, (y, x), *out), masks as the same without (y, x).
    const Tensor offsets = offset.reshaped({batch, offsetGroups, kh, kw, 2, outHeight, outWidth});
    const Tensor masks = mask ? mask->reshaped({batch, offsetGroups, kh, kw, outHeight, outWidth})
                              : Tensor({batch, offsetGroups, kh, kw, outHeight, outWidth}, 1);

    const auto at = [&](int64_t b, int64_t o, int64_t row, int64_t column) {
        double sum = bias ? (*bias)(o) : 0;
        for (int64_t i = 0; i < groupIn; ++i) {
            const int64_t channel = o / (out / groups) * groupIn + i, og = channel / (in / offsetGroups);
            for (int64_t r = 0; r < kh; ++r)
                for (int64_t c = 0; c < kw; ++c) {
                    const double py = static_cast<double>(row * strides[0] - pads[0] + r * dilations[0]) +
                                      offsets(b, og, r, c, 0, row, column);
                    const double px = static_cast<double>(column * strides[1] - pads[1] + c * dilations[1]) +
                                      offsets(b, og, r, c, 1, row, column);
                    for (const Tap& ty : pixelTaps(py, height))
                        for (const Tap& tx : pixelTaps(px, width))
                            sum += weight(o, i, r, c) * masks(b, og, r, c, row, column) * ty.weight * tx.weight *
                                   x(b, channel, ty.index, tx.index);
                }
        }
        return sum;
    };
    Tensor y({batch, out, outHeight, outWidth});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t o = 0; o < out; ++o)
            for (int64_t row = 0; row < outHeight; ++row)
                for (int64_t column = 0; column < outWidth; ++column)
                    y(b, o, row, column) = at(b, o, row, column);
    return {{"Y", y}};
}

} // namespace saccade::reference
