// SPDX-License-Identifier: Apache-2.0
#include "reference/phenaki.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// x / max(|x|, 1e-12) * scale over the last axis.
Tensor normalised(const Tensor& x, const Tensor& scale) {
    const int64_t d = x.size(-1), rows = x.count() / d;
    Tensor y = x.reshaped({rows, d});
    for (int64_t r = 0; r < rows; ++r) {
        double square = 0;
        for (int64_t c = 0; c < d; ++c)
            square += y(r, c) * y(r, c);
        for (int64_t c = 0; c < d; ++c)
            y(r, c) = y(r, c) / std::max(std::sqrt(square), 1e-12) * scale(c);
    }
    return y.reshaped(x.shape);
}

/// Null keys (or values) before the others: row 2n (or 2n + 1) of null_kv is the n-th, the same in every batch.
Tensor withNulls(const Tensor& x, const Tensor& nullKv, int64_t which) {
    const int64_t batch = x.size(0), heads = x.size(1), n = x.size(2), d = x.size(3), nulls = nullKv.size(1) / 2;
    Tensor y({batch, heads, nulls + n, d});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t j = 0; j < nulls + n; ++j)
                for (int64_t c = 0; c < d; ++c)
                    y(b, h, j, c) = j < nulls ? nullKv(h, 2 * j + which, c) : x(b, h, j - nulls, c);
    return y;
}

/// 2^(-8 (k + 1) / heads); between powers of two, the slopes of the power below, then every other one of the power
/// above.
std::vector<double> alibiSlopes(int64_t heads) {
    const auto powerSlopes = [](int64_t count) {
        std::vector<double> slopes;
        for (int64_t k = 0; k < count; ++k)
            slopes.push_back(std::pow(2.0, -8.0 * static_cast<double>(k + 1) / static_cast<double>(count)));
        return slopes;
    };
    int64_t power = 1;
    while (power * 2 <= heads)
        power *= 2;
    std::vector<double> slopes = powerSlopes(power);
    const std::vector<double> finer = powerSlopes(2 * power);
    for (int64_t k = 0; power + k < heads; ++k)
        slopes.push_back(finer.at(static_cast<std::size_t>(2 * k)));
    return slopes;
}

/// The last query and the last key stand at the same position.
double alibi(double slope, int64_t i, int64_t j, int64_t queries, int64_t keys) {
    return -std::fabs(static_cast<double>(j - (i + keys - queries))) * slope;
}

} // namespace

Tensors runPhenakiAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor& x = get(inputs, "x");
    const Tensor *context = find(inputs, "context"), *mask = find(inputs, "mask"), *bias = find(inputs, "attn_bias");
    const int64_t heads = config.value("heads", 8);
    const bool causal = config.value("causal", false), normContext = config.value("norm_context", true);
    const double scale = config.value("scale", 8.0);

    const Tensor queryInput = layerNorm(x, get(weights, "norm.gamma"), find(weights, "norm.beta"));
    Tensor keyInput = x; // un-normed: the package takes it before its own norm
    if (context)
        keyInput = normContext
                       ? layerNorm(*context, get(weights, "context_norm.gamma"), find(weights, "context_norm.beta"))
                       : *context;

    const Tensor kv = linear(keyInput, get(weights, "to_kv.weight"));
    const int64_t inner = kv.size(-1) / 2;
    const Tensor& nullKv = get(weights, "null_kv");
    const int64_t nulls = nullKv.size(1) / 2;
    const Tensor q =
        normalised(splitHeads(linear(queryInput, get(weights, "to_q.weight")), heads), get(weights, "q_scale"));
    const Tensor k =
        normalised(withNulls(splitHeads(lastAxisSlice(kv, 0, inner), heads), nullKv, 0), get(weights, "k_scale"));
    const Tensor v = withNulls(splitHeads(lastAxisSlice(kv, inner, inner), heads), nullKv, 1);

    const int64_t queries = q.size(2), keys = k.size(2);
    const std::vector<double> slopes = alibiSlopes(heads);
    const auto score = [&](int64_t b, int64_t h, int64_t i, int64_t j, double dot) {
        double value = dot * scale;
        if (j >= nulls && bias)
            value += bias->broadcast(b, h, i, j - nulls);
        if (j >= nulls && mask && mask->broadcast(b, j - nulls) == 0)
            value = maskedScore;
        if (causal && j > i + keys - queries)
            value = maskedScore;
        else if (causal && value != maskedScore) // float32 keeps -FLT_MAX as it is when ALiBi is added
            value += alibi(slopes[static_cast<std::size_t>(h)], i, j, queries, keys);
        return value;
    };
    return {{"y", linear(mergeHeads(attention(q, k, v, score)), get(weights, "to_out.weight"))}};
}

Tensors runAlibi(const nlohmann::json& config) {
    const int64_t heads = config.at("heads"), queries = config.at("i"), keys = config.at("j");
    const std::vector<double> slopes = alibiSlopes(heads);
    Tensor bias({heads, queries, keys});
    for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i)
            for (int64_t j = 0; j < keys; ++j)
                bias(h, i, j) = alibi(slopes[static_cast<std::size_t>(h)], i, j, queries, keys);
    return {{"bias", bias}};
}

Tensors runContinuousPositionBias(const nlohmann::json& config, const Tensors& weights) {
    const Shape dimensions = config.at("dimensions").get<Shape>();
    const auto axes = static_cast<int64_t>(dimensions.size());
    const int64_t n = elementCount(dimensions), heads = config.at("heads"), layers = config.value("layers", 2);
    const bool logarithmic = config.value("log_dist", true);

    Tensor differences({n, n, axes});
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
            int64_t restI = i, restJ = j;
            for (int64_t a = axes - 1; a >= 0; --a) {
                const int64_t size = dimensions[static_cast<std::size_t>(a)];
                const auto difference = static_cast<double>(restI % size - restJ % size);
                differences(i, j, a) =
                    logarithmic ? std::copysign(std::log(std::fabs(difference) + 1), difference) : difference;
                restI /= size;
                restJ /= size;
            }
        }
    Tensor hidden = differences;
    for (int64_t l = 0; l < layers; ++l) {
        const std::string layer = "net." + std::to_string(l) + ".0";
        hidden = linear(hidden, get(weights, layer + ".weight"), find(weights, layer + ".bias"));
        for (double& value : hidden.data)
            value = value < 0 ? 0.1 * value : value;
    }
    const std::string last = "net." + std::to_string(layers);
    const Tensor perPair = linear(hidden, get(weights, last + ".weight"), find(weights, last + ".bias"));
    Tensor bias({heads, n, n});
    for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j)
                bias(h, i, j) = perPair(i, j, h);
    return {{"bias", bias}};
}

Tensors runPeg(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor& given = get(inputs, "x");
    const int64_t dim = given.size(-1);
    Shape size = given.shape;
    if (given.rank() == 3) { // tokens, whatever their batch, lie in memory as videos
        size = config.at("shape").get<Shape>();
        size.push_back(dim);
    }
    const Tensor x = given.reshaped(size);
    const int64_t batch = x.size(0), n = x.count() / (batch * dim);
    const auto transposed = [](const Tensor& t, int64_t rows, int64_t columns) { // (b, rows, columns) transposed
        Tensor result({t.size(0), columns, rows});
        const Tensor source = t.reshaped({t.size(0), rows, columns});
        for (int64_t b = 0; b < t.size(0); ++b)
            for (int64_t r = 0; r < rows; ++r)
                for (int64_t c = 0; c < columns; ++c)
                    result(b, c, r) = source(b, r, c);
        return result;
    };
    ConvOptions options;
    options.groups = dim;
    const bool causal = config.value("causal", false);
    options.before = {causal ? 2 : 1, 1, 1};
    options.after = {causal ? 0 : 1, 1, 1};
    const Tensor video = transposed(x, n, dim).reshaped({batch, dim, x.size(1), x.size(2), x.size(3)});
    const Tensor y = conv(video, get(weights, "dsconv.weight"), find(weights, "dsconv.bias"), options);
    return {{"y", transposed(y, dim, n).reshaped(given.shape)}};
}

Tensors runPhenakiFeedForward(const Tensors& weights, const Tensors& inputs) {
    const Tensor normed = layerNorm(get(inputs, "x"), get(weights, "0.weight"), find(weights, "0.bias"));
    const Tensor both = linear(normed, get(weights, "1.weight"));
    const int64_t inner = both.size(-1) / 2;
    Tensor gated = lastAxisSlice(both, 0, inner);
    const Tensor gate = lastAxisSlice(both, inner, inner);
    for (std::size_t i = 0; i < gated.data.size(); ++i)
        gated.data[i] *= gelu(gate.data[i]);
    return {{"y", linear(gated, get(weights, "4.weight"))}};
}

Tensors runPhenakiTransformer(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    Tensor x = get(inputs, "x");
    nlohmann::json cross = config, peg;
    cross["causal"] = false;
    peg["causal"] = config.value("peg_causal", false);
    if (config.value("peg", false))
        peg["shape"] = config.at("video_shape");

    const auto pass = [&](Tensors& to, const char* name, const char* from) {
        if (const Tensor* tensor = find(inputs, from))
            to[name] = *tensor;
    };
    for (int64_t layer = 0; layer < config.at("depth").get<int64_t>(); ++layer) {
        const std::string prefix = "layers." + std::to_string(layer) + ".";
        if (config.value("peg", false)) {
            x = add(get(runPeg(peg, withPrefix(weights, prefix + "0."), {{"x", x}}), "y"), x);
        }
        Tensors arguments{{"x", x}};
        pass(arguments, "mask", "self_attn_mask");
        pass(arguments, "attn_bias", "attn_bias");
        x = add(get(runPhenakiAttention(config, withPrefix(weights, prefix + "1."), arguments), "y"), x);
        if (config.value("has_cross_attn", false) && find(inputs, "context")) {
            arguments = {{"x", x}};
            pass(arguments, "context", "context");
            pass(arguments, "mask", "cross_attn_context_mask");
            x = add(get(runPhenakiAttention(cross, withPrefix(weights, prefix + "2."), arguments), "y"), x);
        }
        x = add(get(runPhenakiFeedForward(withPrefix(weights, prefix + "3."), {{"x", x}}), "y"), x);
    }
    return {{"y", layerNorm(x, get(weights, "norm_out.gamma"), find(weights, "norm_out.beta"))}};
}

} // namespace saccade::reference
