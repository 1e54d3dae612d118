// SPDX-License-Identifier: Apache-2.0
#include "reference/random_case.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/random.hpp"

namespace saccade::reference {
namespace {

using nlohmann::json;

/// Fills a state_dict layer by layer.
struct Weights {
    Tensors tensors;
    Random random;

    explicit Weights(uint64_t seed) : random(seed) {}

    /// PyTorch's start: uniform within gain / sqrt(fan in); the bias without the gain.
    void layer(const std::string& name, Shape shape, bool bias, double gain = 1) {
        const int64_t inputs = elementCount(Shape(shape.begin() + 1, shape.end()));
        const double bound = 1 / std::sqrt(static_cast<double>(std::max<int64_t>(inputs, 1)));
        const int64_t out = shape[0];
        tensors[name + ".weight"] = random.uniformTensor(std::move(shape), -gain * bound, gain * bound);
        if (bias)
            tensors[name + ".bias"] = random.uniformTensor({out}, -bound, bound);
    }

    void norm(const std::string& name, const char* scale, const char* shift, int64_t dim) {
        tensors[name + scale] = random.uniformTensor({dim}, 0.5, 1.5);
        tensors[name + shift] = Tensor({dim});
    }
};

Shape perAxis(const json& value, std::size_t axes) {
    return value.is_array() ? value.get<Shape>() : Shape(axes, value.get<int64_t>());
}

Shape withAxes(Shape shape, std::size_t axes) {
    shape.resize(shape.size() + axes, 1);
    return shape;
}

void deformable(Weights& w, const json& config, std::size_t axes) {
    const int64_t dim = config.at("dim"), heads = config.value("heads", 8),
                  inner = heads * config.value("dim_head", 64);
    const int64_t groups = config.value("offset_groups", heads), channels = inner / groups;
    const int64_t queryIn = config.value("group_queries", true) ? dim / groups : dim;
    const int64_t keyIn = config.value("group_key_values", true) ? dim / groups : dim;
    w.layer("to_q", withAxes({inner, queryIn}, axes), false, 3);
    w.layer("to_k", withAxes({inner, keyIn}, axes), false, 3);
    w.layer("to_v", withAxes({inner, keyIn}, axes), false);
    w.layer("to_out", withAxes({dim, inner}, axes), true);

    const Shape kernel = perAxis(config.value("offset_kernel_size", json(6)), axes);
    Shape depthwise{channels, 1};
    depthwise.insert(depthwise.end(), kernel.begin(), kernel.end());
    w.layer("to_offsets.0", depthwise, true);
    // Behind the first convolution stand about unit normals, whose GELU has mean 0.28 and root mean square 0.65. These
    // weights turn that into a mean of 0.4 pixels and a deviation of 0.5.
    const json factor = config.value("downsample_factor", json(4));
    json scales = config.value("offset_scale", factor);
    if (!scales.is_array())
        scales = json(std::vector<double>(axes, scales.get<double>()));
    Tensor& pointwise = w.tensors["to_offsets.2.weight"] =
        Tensor(withAxes({static_cast<int64_t>(axes), channels}, axes));
    const auto count = static_cast<double>(channels);
    for (std::size_t i = 0; i < pointwise.data.size(); ++i) {
        const double scale = scales.at(i / static_cast<std::size_t>(channels));
        const double mean = 0.4 / (0.28 * count * scale),
                     bound = std::sqrt(3.0) * 0.5 / (0.65 * std::sqrt(count) * scale);
        pointwise.data[i] = w.random.uniform(mean - bound, mean + bound);
    }
    if (axes == 3) {
        w.tensors["to_offsets.4.scale"] = Tensor({3});
        w.tensors["to_offsets.4.scale"].data = scales.get<std::vector<double>>();
    }

    const int64_t hidden = dim / 4;
    w.layer("rel_pos_bias.mlp.0.0", {hidden, static_cast<int64_t>(axes)}, true, 2);
    w.layer("rel_pos_bias.mlp.1.0", {hidden, hidden}, true, 2);
    w.layer("rel_pos_bias.mlp.2", {heads / groups, hidden}, true, 2);
}

/// to_q, to_k and to_v without bias, to_out with one; `axes` of a map, 0 for tokens.
void projections(Weights& w, const json& config, std::size_t axes) {
    const int64_t dim = config.at("dim"), inner = config.at("heads").get<int64_t>() * config.value("dim_head", 64);
    w.layer("to_q", withAxes({inner, dim}, axes), false, 3);
    w.layer("to_k", withAxes({inner, dim}, axes), false, 3);
    w.layer("to_v", withAxes({inner, dim}, axes), false);
    w.layer("to_out", withAxes({dim, inner}, axes), true);
}

void tutorial(Weights& w, const json& config) {
    const int64_t in = config.at("in_channels"), out = config.at("out_channels"), heads = config.at("num_heads");
    w.layer("query_conv", {out, in, 1, 1}, true, 3);
    w.layer("key_conv", {out, in, 1, 1}, true);
    w.layer("value_conv", {out, in, 1, 1}, true);
    w.layer("offset_conv", {2 * heads, in, 3, 3}, true, 4);
}

void msDeform(Weights& w, const json& config) {
    const int64_t model = config.value("d_model", 256), heads = config.value("n_heads", 8);
    const int64_t samples = heads * config.value("n_levels", 4) * config.value("n_points", 4);
    w.layer("sampling_offsets", {2 * samples, model}, true, 3);
    w.layer("attention_weights", {samples, model}, true, 3);
    w.layer("value_proj", {model, model}, true);
    w.layer("output_proj", {model, model}, true);
}

void phenakiAttention(Weights& w, const std::string& prefix, const json& config, int64_t nulls) {
    const int64_t dim = config.at("dim"), heads = config.value("heads", 8), d = config.value("dim_head", 64);
    const int64_t context = config.value("dim_context", dim);
    w.tensors[prefix + "null_kv"] = w.random.normalTensor({heads, 2 * nulls, d});
    w.tensors[prefix + "q_scale"] = w.random.uniformTensor({d}, 0.5, 1.5);
    w.tensors[prefix + "k_scale"] = w.random.uniformTensor({d}, 0.5, 1.5);
    w.norm(prefix + "norm", ".gamma", ".beta", dim);
    if (config.value("norm_context", true))
        w.norm(prefix + "context_norm", ".gamma", ".beta", context);
    w.layer(prefix + "to_q", {heads * d, dim}, false);
    w.layer(prefix + "to_kv", {2 * heads * d, context}, false);
    w.layer(prefix + "to_out", {dim, heads * d}, false);
}

/// For positions in 1 + dim % 3 dimensions, which the configuration does not say.
void cpb(Weights& w, const json& config) {
    const int64_t dim = config.at("dim"),
                  outputs = config.at("heads").get<int64_t>() / config.at("offset_groups").get<int64_t>();
    w.layer("mlp.0.0", {dim, 1 + dim % 3}, true, 2);
    w.layer("mlp.1.0", {dim, dim}, true, 2);
    w.layer("mlp.2", {outputs, dim}, true, 2);
}

void continuousPositionBias(Weights& w, const json& config) {
    const int64_t dim = config.at("dim"), heads = config.at("heads"), layers = config.value("layers", 2);
    const auto axes = static_cast<int64_t>(config.at("dimensions").size());
    for (int64_t l = 0; l < layers; ++l)
        w.layer("net." + std::to_string(l) + ".0", {dim, l == 0 ? axes : dim}, true, 2);
    w.layer("net." + std::to_string(layers), {heads, dim}, true, 2);
}

void feedForward(Weights& w, const std::string& prefix, int64_t dim, double mult) {
    const auto inner = static_cast<int64_t>(mult * (2.0 / 3.0) * static_cast<double>(dim));
    w.norm(prefix + "0", ".weight", ".bias", dim);
    w.layer(prefix + "1", {2 * inner, dim}, false);
    w.layer(prefix + "4", {dim, inner}, false);
}

void transformer(Weights& w, const json& config) {
    const int64_t dim = config.at("dim");
    json self = config;
    self.erase("dim_context");
    for (int64_t l = 0; l < config.at("depth").get<int64_t>(); ++l) {
        const std::string prefix = "layers." + std::to_string(l) + ".";
        if (config.value("peg", false))
            w.layer(prefix + "0.dsconv", {dim, 1, 3, 3, 3}, true);
        phenakiAttention(w, prefix + "1.", self, 0);
        if (config.value("has_cross_attn", false))
            phenakiAttention(w, prefix + "2.", config, config.value("attn_num_null_kv", 2));
        feedForward(w, prefix + "3.", dim, config.value("ff_mult", 4.0));
    }
    w.norm("norm_out", ".gamma", ".beta", dim);
}

void dalle(Weights& w, const json& config) {
    const int64_t dim = config.at("dim"), inner = config.value("heads", 8) * config.value("dim_head", 64);
    w.layer("to_qkv", {3 * inner, dim}, false, 2);
    w.layer("to_out.0", {dim, inner}, true);
}

} // namespace

Tensors randomWeights(const std::string& module, const json& config, const json& sizes, uint64_t seed) {
    Weights w(seed);
    if (module.rfind("DeformableAttention", 0) == 0)
        deformable(w, config, static_cast<std::size_t>(module.at(module.size() - 2) - '0'));
    else if (module.rfind("LocalAttention", 0) == 0)
        projections(w, config, static_cast<std::size_t>(module.at(module.size() - 2) - '0'));
    else if (module == "DynamicSparseAttention")
        projections(w, config, sizes.contains("size") ? sizes.at("size").size() : 0);
    else if (module == "TutorialDeformableAttention")
        tutorial(w, config);
    else if (module == "MSDeformAttn")
        msDeform(w, config);
    else if (module == "PhenakiAttention")
        phenakiAttention(w, "", config, config.value("num_null_kv", 0));
    else if (module == "CPB")
        cpb(w, config);
    else if (module == "PhenakiLayerNorm")
        w.tensors = {{"gamma", w.random.uniformTensor({config.at("dim")}, 0.5, 1.5)},
                     {"beta", w.random.uniformTensor({config.at("dim")}, -0.5, 0.5)}};
    else if (module == "Scale" && !config.contains("scale"))
        w.tensors["scale"] = w.random.uniformTensor({3}, -2, 2);
    else if (module == "ContinuousPositionBias")
        continuousPositionBias(w, config);
    else if (module == "PEG")
        w.layer("dsconv", {config.at("dim"), 1, 3, 3, 3}, true);
    else if (module == "PhenakiFeedForward")
        feedForward(w, "", config.at("dim"), config.value("mult", 4.0));
    else if (module == "PhenakiTransformer")
        transformer(w, config);
    else if (module == "DalleAttention" || module.rfind("Sparse", 0) == 0)
        dalle(w, config);
    else if (module != "grid_sample" && module != "GEGLU" && module != "l2norm" && module != "Scale" &&
             module != "AlibiPositionalBias" && module.rfind("onnx.", 0) != 0)
        throw std::invalid_argument("no random weights for module \"" + module + "\"");
    return w.tensors;
}

Tensors randomWeights(const std::string& module, const json& config, uint64_t seed) {
    return randomWeights(module, config, json::object(), seed);
}

} // namespace saccade::reference
