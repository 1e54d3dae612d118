// SPDX-License-Identifier: Apache-2.0
// check_random: holds the reference to what no golden file shows. axis_order "xyz" in 3D must treat the three axes
// alike, and the random cases must be worth comparing: finite, and moved by every input.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "reference/compare.hpp"
#include "reference/random_case.hpp"
#include "reference/reference.hpp"

namespace {

using namespace saccade::reference;
using nlohmann::json;

int failures = 0;

void expect(bool condition, const char* what, const std::string& which, double value) {
    if (!condition)
        ++failures;
    std::printf("%-4s %s: %s (%.3g)\n", condition ? "ok" : "BAD", which.c_str(), what, value);
}

using Order = std::vector<int>;

/// Axis `first + a` of the result is axis `first + order[a]` of x.
Tensor permuted(const Tensor& x, int first, const Order& order) {
    Tensor y(x.shape);
    for (int a = 0; a < 3; ++a)
        y.shape[static_cast<std::size_t>(first + a)] = x.size(first + order[static_cast<std::size_t>(a)]);
    const Shape size(x.shape.begin() + first, x.shape.begin() + first + 3);
    const int64_t volume = elementCount(size);
    for (int64_t i = 0; i < x.count(); ++i) {
        const int64_t position[] = {i % volume / (size[1] * size[2]), i % volume / size[2] % size[1], i % size[2]};
        int64_t flat = 0;
        for (int a = 0; a < 3; ++a)
            flat = flat * y.size(first + a) + position[order[static_cast<std::size_t>(a)]];
        y.data[static_cast<std::size_t>(i / volume * volume + flat)] = x.data[static_cast<std::size_t>(i)];
    }
    return y;
}

/// Column (or, along axis 0, row) a of the result is column order[a] of x.
Tensor reordered(const Tensor& x, bool columns, const Order& order) {
    Tensor y = x;
    const int64_t inner = columns ? 1 : x.count() / 3;
    for (int64_t i = 0; i < x.count(); ++i) {
        const int64_t at = i / inner % 3;
        y.data[static_cast<std::size_t>(i)] =
            x.data[static_cast<std::size_t>(i + (order[static_cast<std::size_t>(at)] - at) * inner)];
    }
    return y;
}

/// Permuting the axes of x and of every weight must permute the result. Only a sampler that reads each position along
/// its own axis has this for all six orders.
void axesAreAlike() {
    const json config = {{"dim", 16},
                         {"heads", 2},
                         {"dim_head", 8},
                         {"axis_order", "xyz"},
                         {"downsample_factor", {1, 2, 2}},
                         {"offset_kernel_size", {3, 4, 6}},
                         {"offset_scale", {1, 2, 3}}};
    const json sizes = {{"batch", 1}, {"size", {3, 8, 6}}};
    const Tensors weights = randomWeights("DeformableAttention3D", config, sizes, 5);
    const Tensors inputs = randomInputs("DeformableAttention3D", config, sizes, 5);
    const Tensors results = run("DeformableAttention3D", config, weights, inputs);
    for (const Order& order : {Order{1, 2, 0}, Order{2, 0, 1}, Order{1, 0, 2}, Order{0, 2, 1}, Order{2, 1, 0}}) {
        json turned = config;
        for (const char* name : {"downsample_factor", "offset_kernel_size", "offset_scale"})
            for (std::size_t a = 0; a < 3; ++a)
                turned[name][a] = config[name][static_cast<std::size_t>(order[a])];
        Tensors turnedWeights = weights;
        for (const char* name : {"to_offsets.2.weight", "to_offsets.4.scale"})
            turnedWeights[name] = reordered(weights.at(name), false, order);
        turnedWeights["rel_pos_bias.mlp.0.0.weight"] =
            reordered(weights.at("rel_pos_bias.mlp.0.0.weight"), true, order);
        turnedWeights["to_offsets.0.weight"] = permuted(weights.at("to_offsets.0.weight"), 2, order);
        const Tensors turnedResults =
            run("DeformableAttention3D", turned, turnedWeights, {{"x", permuted(inputs.at("x"), 2, order)}});
        const double error = relativeError(turnedResults.at("y"), permuted(results.at("y"), 2, order));
        expect(error < 1e-12, "axes permuted", "DeformableAttention3D xyz", error);
    }
}

/// Results are finite, and "y" (or what stands for it) moves when any one input is changed.
void worthComparing(const std::string& module, const json& config, const json& sizes) {
    const std::string which = module + " " + sizes.dump();
    const Tensors weights = randomWeights(module, config, sizes, 7), inputs = randomInputs(module, config, sizes, 7);
    const Tensors results = run(module, config, weights, inputs);
    for (const auto& [name, tensor] : results)
        for (double value : tensor.data)
            if (std::isnan(value) || (std::isinf(value) && name != "qk_matmul_output")) {
                expect(false, "finite", which, value);
                return;
            }
    const Tensor* vgrid = find(results, "vgrid");
    if (vgrid) {
        const double share = shareInside(module, config, inputs.at("x").shape, *vgrid);
        expect(share >= 0.2, "share of points inside", which, share);
    }
    const auto& [main, y] = *std::find_if(results.begin(), results.end(), [](const auto& result) {
        return result.first == "y" || result.first == "Y" || result.first == "output" || result.first == "bias";
    });
    for (const auto& [name, tensor] : inputs) {
        if (name == "spatial_shapes" || name == "layout" || name == "nonpad_kv_seqlen")
            continue;
        Tensors changed = inputs;
        for (std::size_t i = 0; i < tensor.data.size(); ++i) // not by a factor, which a norm would undo
            changed[name].data[i] = tensor.boolean           ? 1
                                    : name == "position_ids" ? 0
                                                             : tensor.data[i] + 0.3 * std::sin(static_cast<double>(i));
        const double moved = relativeError(run(module, config, weights, changed).at(main), y);
        expect(moved > 1e-3, ("moved by " + name).c_str(), which, moved);
    }
    for (const auto& [name, tensor] : weights) {
        // A bias that is the same for all keys cancels in the softmax, and a single key has all of it whatever its
        // score.
        const bool onlyKey = vgrid && vgrid->count() == vgrid->size(0) * (vgrid->rank() == 2 ? 1 : vgrid->size(1));
        if (name == "rel_pos_bias.mlp.2.bias" || (onlyKey && (name == "to_k.weight" || name.find("rel_pos") == 0)))
            continue;
        if (tensor.count() == 0 || name.find("beta") != std::string::npos || name.find("context_norm") == 0 ||
            name.find(".context_norm") != std::string::npos)
            continue;
        Tensors changed = weights;
        for (double& value : changed[name].data)
            value = value * 0.5 + 0.1;
        const double moved = relativeError(run(module, config, changed, inputs).at(main), y);
        if (moved < 1e-4)
            expect(false, ("moved by weight " + name).c_str(), which, moved);
    }
}

} // namespace

int main() {
    axesAreAlike();
    for (const char* order : {"reference", "xyz"}) {
        const json two = {{"dim", 16}, {"heads", 4}, {"dim_head", 6}, {"offset_groups", 2}, {"axis_order", order}};
        for (const json& size : {json{1, 1}, json{4, 4}, json{5, 7}, json{8, 8}, json{13, 9}, json{17, 16}})
            worthComparing("DeformableAttention2D", two, {{"batch", 2}, {"size", size}});
        const json three = {{"dim", 16},
                            {"heads", 4},
                            {"dim_head", 6},
                            {"offset_groups", 2},
                            {"axis_order", order},
                            {"downsample_factor", {1, 2, 4}},
                            {"offset_kernel_size", {3, 4, 6}}};
        for (const json& size : {json{1, 2, 4}, json{3, 5, 7}, json{4, 8, 8}, json{5, 6, 13}})
            worthComparing("DeformableAttention3D", three, {{"batch", 2}, {"size", size}});
    }
    for (const char* sampling : {"sequence", "listing"})
        for (int size : {4, 7, 16, 33})
            worthComparing("DeformableAttention1D",
                           {{"dim", 16}, {"heads", 4}, {"dim_head", 6}, {"offset_groups", 2}, {"sampling", sampling}},
                           {{"batch", 2}, {"size", {size}}});
    worthComparing("grid_sample", {{"mode", "nearest"}, {"padding", "reflection"}},
                   {{"batch", 2}, {"channels", 3}, {"size", {5, 4, 1}}, {"out", {3, 2, 2}}});
    worthComparing("grid_sample", {{"mode", "bicubic"}, {"padding", "border"}},
                   {{"batch", 2}, {"channels", 3}, {"size", {5, 4}}, {"out", {3, 2}}});
    worthComparing("TutorialDeformableAttention", {{"in_channels", 3}, {"out_channels", 8}, {"num_heads", 2}},
                   {{"batch", 2}, {"size", {5, 7}}});
    for (const json& select : {json{{"k", 4}}, json{{"select", "threshold"}, {"threshold", 0.5}}}) {
        json config = {{"dim", 8}, {"heads", 2}, {"dim_head", 6}};
        config.update(select);
        worthComparing("DynamicSparseAttention", config, {{"batch", 2}, {"size", {3, 4}}});
        worthComparing("DynamicSparseAttention", config, {{"batch", 2}, {"n", 11}});
    }
    for (bool box : {false, true})
        worthComparing(
            "MSDeformAttn", {{"d_model", 24}, {"n_levels", 2}, {"n_heads", 3}, {"n_points", 3}},
            {{"batch", 2}, {"queries", 5}, {"shapes", {{5, 3}, {1, 2}}}, {"box", box}, {"padding_mask", true}});
    worthComparing("PhenakiAttention", {{"dim", 24}, {"heads", 3}, {"dim_head", 8}, {"causal", true}},
                   {{"batch", 2}, {"n", 9}, {"mask", true}, {"attn_bias", true}});
    worthComparing("PhenakiAttention",
                   {{"dim", 24}, {"heads", 3}, {"dim_head", 8}, {"num_null_kv", 2}, {"dim_context", 10}},
                   {{"batch", 2}, {"n", 9}, {"context", 5}, {"mask", "empty"}, {"attn_bias", true}});
    worthComparing("AlibiPositionalBias", {{"heads", 12}, {"i", 3}, {"j", 5}}, json::object());
    worthComparing("ContinuousPositionBias", {{"dim", 12}, {"heads", 3}, {"dimensions", {2, 3}}}, json::object());
    worthComparing("PEG", {{"dim", 6}, {"causal", true}}, {{"batch", 2}, {"size", {1, 3, 2}}});
    worthComparing("PhenakiFeedForward", {{"dim", 10}}, {{"batch", 2}, {"n", 3}});
    worthComparing("PhenakiTransformer",
                   {{"dim", 24},
                    {"depth", 2},
                    {"heads", 3},
                    {"dim_head", 8},
                    {"peg", true},
                    {"has_cross_attn", true},
                    {"dim_context", 10},
                    {"video_shape", {2, 2, 3, 2}}},
                   {{"context", 5}, {"mask", true}, {"context_mask", true}, {"attn_bias", true}});
    worthComparing("DalleAttention", {{"dim", 24}, {"seq_len", 12}, {"heads", 3}, {"dim_head", 10}},
                   {{"batch", 2}, {"n", 11}, {"mask", true}, {"static_mask", true}, {"rotary", 6}});
    worthComparing(
        "SparseConvCausalAttention",
        {{"dim", 24}, {"seq_len", 14}, {"image_size", 3}, {"kernel_size", 3}, {"heads", 3}, {"dim_head", 10}},
        {{"batch", 2}, {"n", 14}, {"mask", true}, {"rotary", 6}});
    worthComparing("SparseAxialCausalAttention",
                   {{"dim", 24}, {"seq_len", 14}, {"image_size", 3}, {"axis", 1}, {"heads", 3}, {"dim_head", 10}},
                   {{"batch", 2}, {"n", 13}, {"mask", true}, {"rotary", 6}});
    worthComparing("SparseAttention", {{"dim", 24}, {"seq_len", 40}, {"block_size", 8}, {"heads", 3}, {"dim_head", 10}},
                   {{"batch", 2}, {"n", 37}, {"mask", true}, {"rotary", 6}});
    worthComparing("onnx.GridSample", {{"mode", "cubic"}, {"align_corners", 1}},
                   {{"batch", 2}, {"channels", 3}, {"size", {5, 4}}, {"out", {3, 2}}});
    worthComparing("onnx.RotaryEmbedding", {{"num_heads", 3}, {"rotary_embedding_dim", 4}},
                   {{"batch", 2}, {"heads", 3}, {"n", 5}, {"d", 6}, {"position_ids", true}, {"rank", 3}});
    worthComparing(
        "onnx.DeformConv",
        {{"group", 2}, {"offset_group", 2}, {"pads", {1, 0, 2, 1}}, {"strides", {2, 1}}, {"dilations", {1, 2}}},
        {{"batch", 2}, {"in", 4}, {"out", 6}, {"size", {7, 6}}, {"kernel", {3, 2}}, {"bias", true}, {"mask", true}});
    worthComparing("onnx.Attention", {{"is_causal", 1}, {"softcap", 2.0}, {"q_num_heads", 4}, {"kv_num_heads", 2}},
                   {{"batch", 2},
                    {"q_heads", 4},
                    {"kv_heads", 2},
                    {"queries", 3},
                    {"keys", 5},
                    {"d", 8},
                    {"v_d", 6},
                    {"past", 2},
                    {"rank", 3},
                    {"mask", "bool"},
                    {"nonpad", true}});
    std::printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
