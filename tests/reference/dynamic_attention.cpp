// SPDX-License-Identifier: Apache-2.0
#include "reference/dynamic_attention.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// x as (b, n, channels), and back to its shape.
Tensor toTokens(const Tensor& x, bool isMap) {
    if (!isMap)
        return x;
    const int64_t batch = x.size(0), channels = x.size(1), n = x.count() / (batch * channels);
    const Tensor flat = x.reshaped({batch, channels, n});
    Tensor tokens({batch, n, channels});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t i = 0; i < n; ++i)
            for (int64_t c = 0; c < channels; ++c)
                tokens(b, i, c) = flat(b, c, i);
    return tokens;
}

Tensor fromTokens(const Tensor& tokens, const Shape& shape, bool isMap) {
    if (!isMap)
        return tokens;
    const int64_t batch = tokens.size(0), n = tokens.size(1), channels = tokens.size(2);
    Tensor flat({batch, channels, n});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t i = 0; i < n; ++i)
            for (int64_t c = 0; c < channels; ++c)
                flat(b, c, i) = tokens(b, i, c);
    return flat.reshaped(shape);
}

struct Selection {
    Tensor y;
    double margin = std::numeric_limits<double>::infinity();
};

/// The least score to keep.
double boundOf(const nlohmann::json& config, std::vector<double> scores) {
    if (config.value("select", "topk") == "threshold")
        return *std::max_element(scores.begin(), scores.end()) - config.at("threshold").get<double>();
    const auto kept = std::min<std::size_t>(config.at("k").get<std::size_t>(), scores.size());
    std::sort(scores.begin(), scores.end(), std::greater<>());
    return scores[kept - 1];
}

/// How far a choice is from another one. By rank only a score below the bound can come to be kept. By threshold scores
/// on both sides can change sides, but the highest itself, which is the bound of a threshold of 0.
double marginOf(const nlohmann::json& config, const std::vector<double>& scores, double bound) {
    const bool byThreshold = config.value("select", "topk") == "threshold";
    double scale = 0, margin = std::numeric_limits<double>::infinity();
    for (const double score : scores) {
        scale = std::max(scale, std::abs(score));
        if (score < bound || (byThreshold && score > bound))
            margin = std::min(margin, std::abs(score - bound));
    }
    return scale > 0 ? margin / scale : margin;
}

Selection select(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor &x = get(inputs, "x"), &toQ = get(weights, "to_q.weight");
    const bool isMap = toQ.rank() > 2;
    const int64_t heads = config.at("heads"), d = config.value("dim_head", 64);
    const Tensor tokens = toTokens(x, isMap);
    const auto layer = [&](const char* name, const Tensor& in, const Tensor* bias) {
        const Tensor& weight = get(weights, std::string(name) + ".weight");
        return linear(in, weight.reshaped({weight.size(0), weight.size(1)}), bias);
    };
    const Tensor q = splitHeads(layer("to_q", tokens, nullptr), heads);
    const Tensor k = splitHeads(layer("to_k", tokens, nullptr), heads);
    const Tensor v = splitHeads(layer("to_v", tokens, nullptr), heads);

    Selection result;
    const int64_t n = tokens.size(1);
    Tensor attended(q.shape);
    for (int64_t b = 0; b < tokens.size(0); ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < n; ++i) {
                std::vector<double> scores(static_cast<std::size_t>(n));
                for (int64_t j = 0; j < n; ++j) {
                    double dot = 0;
                    for (int64_t c = 0; c < d; ++c)
                        dot += q(b, h, i, c) * k(b, h, j, c);
                    scores[static_cast<std::size_t>(j)] = dot / std::sqrt(static_cast<double>(d));
                }
                const double bound = boundOf(config, scores);
                result.margin = std::min(result.margin, marginOf(config, scores, bound));
                for (double& score : scores)
                    if (score < bound)
                        score = -std::numeric_limits<double>::infinity();
                softmax(scores);
                for (int64_t c = 0; c < d; ++c)
                    for (int64_t j = 0; j < n; ++j)
                        attended(b, h, i, c) += scores[static_cast<std::size_t>(j)] * v(b, h, j, c);
            }
    const Tensor y = layer("to_out", mergeHeads(attended), &get(weights, "to_out.bias"));
    result.y = fromTokens(y, x.shape, isMap);
    return result;
}

} // namespace

Tensors runDynamicSparseAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Selection selection = select(config, weights, inputs);
    if (selection.margin < 1e-5)
        throw std::domain_error("a choice of keys is closer than float32 can tell");
    return {{"y", selection.y}};
}

double dynamicSparseMargin(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    return select(config, weights, inputs).margin;
}

} // namespace saccade::reference
