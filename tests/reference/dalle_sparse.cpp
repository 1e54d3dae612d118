// SPDX-License-Identifier: Apache-2.0
#include "reference/dalle.hpp"

#include <cmath>
#include <functional>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// Whether an image pixel sees another: rows and columns of the query and of the key.
using PixelRule = std::function<bool(int64_t row, int64_t column, int64_t keyRow, int64_t keyColumn)>;

/// What both image forms share: the padded sequence is text then image, text attends text causally, pixels attend all
/// text that is not masked and the pixels `sees` names.
Tensors textAndImage(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs,
                     const PixelRule& sees) {
    const Tensor& x = get(inputs, "x");
    const Tensor* mask = find(inputs, "mask");
    const int64_t sequence = config.at("seq_len"), size = config.value("image_size", 32);
    const int64_t text = sequence + 1 - size * size;
    const Tensor padded = padTokens(x, sequence + 1 - x.size(1));
    const Heads all = dalleHeads(weights, padded, config.value("heads", 8), find(inputs, "rotary_pos_emb"));
    const double scale = 1 / std::sqrt(static_cast<double>(all.q.size(3)));

    const auto score = [&](int64_t b, int64_t, int64_t i, int64_t j, double dot) {
        bool visible = false;
        if (i < text)
            visible = j <= i; // text queries do not look at the mask
        else if (j < text)
            visible = !mask || (*mask)(b, j) != 0;
        else
            visible = sees((i - text) / size, (i - text) % size, (j - text) / size, (j - text) % size);
        return visible ? dot * scale : maskedScore;
    };
    return {{"y", firstTokens(dalleOutput(weights, attention(all.q, all.k, all.v, score)), x.size(1))}};
}

} // namespace

Tensors runSparseConvAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const int64_t kernel = config.value("kernel_size", 5), dilation = config.value("dilation", 1);
    const auto inWindow = [&](int64_t distance) {
        return distance >= 0 && distance % dilation == 0 && distance / dilation < kernel;
    };
    return textAndImage(config, weights, inputs, [&](int64_t row, int64_t column, int64_t keyRow, int64_t keyColumn) {
        return inWindow(row - keyRow) && inWindow(column - keyColumn);
    });
}

Tensors runSparseAxialAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const bool alongRow = config.value("axis", 0) == 0;
    return textAndImage(config, weights, inputs, [&](int64_t row, int64_t column, int64_t keyRow, int64_t keyColumn) {
        return alongRow ? keyRow == row && keyColumn <= column : keyColumn == column && keyRow <= row;
    });
}

Tensors runSparseAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor &x = get(inputs, "x"), &layout = get(inputs, "layout");
    const Tensor* mask = find(inputs, "mask");
    const int64_t n = x.size(1), block = config.value("block_size", 16);
    const bool causal = config.value("causal", true);
    const Tensor padded = padTokens(x, (block - n % block) % block);
    const Heads all = dalleHeads(weights, padded, config.value("heads", 8), find(inputs, "rotary_pos_emb"));
    const double scale = 1 / std::sqrt(static_cast<double>(all.q.size(3)));

    const auto result = [&](bool exclude) {
        const auto score = [&](int64_t b, int64_t h, int64_t i, int64_t j, double dot) -> double {
            const bool isPadding = j >= n || (mask && (*mask)(b, j) == 0);
            const int64_t row = layout.size(0) == 1 ? 0 : h; // one layout may serve all heads
            if (layout(row, i / block, j / block) == 0 || (causal && j > i) || (exclude && isPadding))
                return -HUGE_VAL; // no key at all: a row of nothing else is zeros
            return dot * scale + (isPadding ? 1 : 0);
        };
        return firstTokens(dalleOutput(weights, attention(all.q, all.k, all.v, score)), n);
    };
    const Tensor exclude = result(true), referenceAdd = result(false);
    const bool add = config.value("padding", "exclude") == "reference_add";
    return {{"y", add ? referenceAdd : exclude}, {"y_exclude", exclude}, {"y_reference_add", referenceAdd}};
}

} // namespace saccade::reference
