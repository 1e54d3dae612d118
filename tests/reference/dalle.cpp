// SPDX-License-Identifier: Apache-2.0
#include "reference/dalle.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// Interleaved pairs: (a, b) -> (a cos - b sin, b cos + a sin), each feature with its own angle.
void rotate(Tensor& x, const Tensor& rotary, int64_t offset) {
    const int64_t features = rotary.size(-1);
    // Broadcasts to (b, heads, n, features); a single position serves all.
    const auto angleOf = [&](int64_t b, int64_t h, int64_t i, int64_t c) {
        return rotary.broadcast(b, h, offset + i, c);
    };
    for (int64_t b = 0; b < x.size(0); ++b)
        for (int64_t h = 0; h < x.size(1); ++h)
            for (int64_t i = 0; i < x.size(2); ++i)
                for (int64_t c = 0; c < features; c += 2) {
                    const double first = x(b, h, i, c), second = x(b, h, i, c + 1);
                    const double angle = angleOf(b, h, i, c), nextAngle = angleOf(b, h, i, c + 1);
                    x(b, h, i, c) = first * std::cos(angle) - second * std::sin(angle);
                    x(b, h, i, c + 1) = second * std::cos(nextAngle) + first * std::sin(nextAngle);
                }
}

/// a then b, along the tokens of (b, heads, n, d).
Tensor joined(const Tensor& a, const Tensor& b) {
    if (a.count() == 0)
        return b;
    Tensor y({a.size(0), a.size(1), a.size(2) + b.size(2), a.size(3)});
    for (int64_t n = 0; n < y.size(0); ++n)
        for (int64_t h = 0; h < y.size(1); ++h)
            for (int64_t i = 0; i < y.size(2); ++i)
                for (int64_t c = 0; c < y.size(3); ++c)
                    y(n, h, i, c) = i < a.size(2) ? a(n, h, i, c) : b(n, h, i - a.size(2), c);
    return y;
}

/// Tokens first .. first + count - 1 of (b, n, dim).
Tensor tokenRange(const Tensor& x, int64_t first, int64_t count) {
    Tensor y({x.size(0), count, x.size(2)});
    for (int64_t b = 0; b < x.size(0); ++b)
        for (int64_t i = 0; i < count; ++i)
            for (int64_t c = 0; c < x.size(2); ++c)
                y(b, i, c) = x(b, first + i, c);
    return y;
}

} // namespace

Heads dalleHeads(const Tensors& weights, const Tensor& x, int64_t heads, const Tensor* rotary, int64_t offset) {
    const Tensor qkv = linear(x, get(weights, "to_qkv.weight"));
    const int64_t inner = qkv.size(-1) / 3;
    Heads result{splitHeads(lastAxisSlice(qkv, 0, inner), heads), splitHeads(lastAxisSlice(qkv, inner, inner), heads),
                 splitHeads(lastAxisSlice(qkv, 2 * inner, inner), heads)};
    if (rotary)
        for (Tensor* tensor : {&result.q, &result.k, &result.v})
            rotate(*tensor, *rotary, offset);
    return result;
}

Tensor dalleOutput(const Tensors& weights, const Tensor& attended) {
    return linear(mergeHeads(attended), get(weights, "to_out.0.weight"), find(weights, "to_out.0.bias"));
}

Tensor padTokens(const Tensor& x, int64_t count) {
    Tensor y({x.size(0), x.size(1) + count, x.size(2)});
    for (int64_t b = 0; b < x.size(0); ++b)
        for (int64_t i = 0; i < x.size(1); ++i)
            for (int64_t c = 0; c < x.size(2); ++c)
                y(b, i, c) = x(b, i, c);
    return y;
}

Tensor firstTokens(const Tensor& x, int64_t count) { return tokenRange(x, 0, count); }

Tensors runDalleAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor& x = get(inputs, "x");
    const Tensor *mask = find(inputs, "mask"), *staticMask = find(inputs, "static_mask");
    const int64_t heads = config.value("heads", 8);
    const bool causal = config.value("causal", true);
    const Shape steps = config.value("cache_steps", Shape{x.size(1)});

    Tensor y(x.shape), keys, values;
    int64_t offset = 0;
    for (int64_t step : steps) {
        const Heads piece =
            dalleHeads(weights, tokenRange(x, offset, step), heads, find(inputs, "rotary_pos_emb"), offset);
        keys = joined(keys, piece.k);
        values = joined(values, piece.v);
        const double scale = 1 / std::sqrt(static_cast<double>(piece.q.size(3)));
        // "stable" changes how softmax is computed, not what it is.
        const auto score = [&](int64_t b, int64_t, int64_t i, int64_t j, double dot) {
            const bool hidden = (mask && mask->broadcast(b, j) == 0) || (causal && offset == 0 && j > i) ||
                                (staticMask && (*staticMask)(offset + i, j) == 0);
            return hidden ? maskedScore : dot * scale;
        };
        const Tensor out = dalleOutput(weights, attention(piece.q, keys, values, score));
        for (int64_t b = 0; b < x.size(0); ++b)
            for (int64_t i = 0; i < step; ++i)
                for (int64_t c = 0; c < x.size(2); ++c)
                    y(b, offset + i, c) = out(b, i, c);
        offset += step;
    }
    return {{"y", y}};
}

} // namespace saccade::reference
