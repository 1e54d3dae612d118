// SPDX-License-Identifier: Apache-2.0
#include "reference/onnx_operators.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// past then current, along the tokens of (b, heads, n, d); current alone without a past.
Tensor withPast(const Tensor* past, const Tensor& current) {
    if (!past)
        return current;
    const int64_t before = past->size(2);
    Tensor y({current.size(0), current.size(1), before + current.size(2), current.size(3)});
    for (int64_t b = 0; b < y.size(0); ++b)
        for (int64_t h = 0; h < y.size(1); ++h)
            for (int64_t i = 0; i < y.size(2); ++i)
                for (int64_t c = 0; c < y.size(3); ++c)
                    y(b, h, i, c) = i < before ? (*past)(b, h, i, c) : current(b, h, i - before, c);
    return y;
}

/// Keys and values of query head h under grouped queries: consecutive query heads share one.
Tensor repeatHeads(const Tensor& x, int64_t heads) {
    const int64_t share = heads / x.size(1);
    Tensor y({x.size(0), heads, x.size(2), x.size(3)});
    for (int64_t b = 0; b < y.size(0); ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < y.size(2); ++i)
                for (int64_t c = 0; c < y.size(3); ++c)
                    y(b, h, i, c) = x(b, h / share, i, c);
    return y;
}

/// What attn_mask adds to a score. It broadcasts from the right over (b, heads, queries, keys); keys it is too short
/// for are hidden.
double maskValue(const Tensor& mask, int64_t b, int64_t h, int64_t i, int64_t j) {
    if (j >= mask.size(-1))
        return -HUGE_VAL;
    const int64_t index[] = {b, h, i, j};
    int64_t flat = 0;
    for (int axis = 0; axis < mask.rank(); ++axis)
        flat = flat * mask.size(axis) + (mask.size(axis) == 1 ? 0 : index[4 - mask.rank() + axis]);
    const double value = mask.data.at(static_cast<std::size_t>(flat));
    if (mask.boolean)
        return value != 0 ? 0 : -HUGE_VAL;
    return value;
}

} // namespace

Tensors runOnnxAttention(const nlohmann::json& config, const Tensors& inputs) {
    const bool threeAxes = get(inputs, "Q").rank() == 3;
    const auto input = [&](const char* name, const char* headsAttribute) {
        const Tensor& tensor = get(inputs, name);
        return threeAxes ? splitHeads(tensor, config.at(headsAttribute)) : tensor;
    };
    const Tensor q = input("Q", "q_num_heads");
    const Tensor* past = find(inputs, "past_key");
    const Tensor presentKey = withPast(past, input("K", "kv_num_heads"));
    const Tensor presentValue = withPast(find(inputs, "past_value"), input("V", "kv_num_heads"));
    const Tensor k = repeatHeads(presentKey, q.size(1)), v = repeatHeads(presentValue, q.size(1));

    const Tensor *mask = find(inputs, "attn_mask"), *lengths = find(inputs, "nonpad_kv_seqlen");
    const int64_t pastLength = past ? past->size(2) : 0;
    const bool causal = config.value("is_causal", 0) != 0;
    const double scale = config.value("scale", 1 / std::sqrt(static_cast<double>(q.size(3))));
    const double softcap = config.value("softcap", 0.0);
    const int64_t mode = config.value("qk_matmul_output_mode", 0);

    Tensor scores({q.size(0), q.size(1), q.size(2), k.size(2)}); // what qk_matmul_output shows
    const auto score = [&](int64_t b, int64_t h, int64_t i, int64_t j, double dot) {
        double value = dot * scale;
        if (mode == 0)
            scores(b, h, i, j) = value;
        if (mask)
            value += maskValue(*mask, b, h, i, j);
        if (causal && j > i + pastLength)
            value = -HUGE_VAL;
        if (lengths && static_cast<double>(j) >= (*lengths)(b))
            value = -HUGE_VAL;
        if (mode == 1)
            scores(b, h, i, j) = value;
        if (softcap > 0)
            value = softcap * std::tanh(value / softcap);
        if (mode >= 2)
            scores(b, h, i, j) = value;
        return value;
    };
    const Tensor attended = attention(q, k, v, score);
    if (mode == 3) {
        std::vector<double> row(static_cast<std::size_t>(k.size(2)));
        for (std::size_t start = 0; start < scores.data.size(); start += row.size()) {
            const auto first = scores.data.begin() + static_cast<std::ptrdiff_t>(start);
            row.assign(first, first + k.size(2));
            softmax(row);
            std::copy(row.begin(), row.end(), first);
        }
    }
    return {{"Y", threeAxes ? mergeHeads(attended) : attended},
            {"present_key", presentKey},
            {"present_value", presentValue},
            {"qk_matmul_output", scores}};
}

} // namespace saccade::reference
