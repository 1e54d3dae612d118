// SPDX-License-Identifier: Apache-2.0
#include "bench_case.hpp"

#include <saccade/saccade.hpp>
#include <saccade/saccade_layouts.h>

#include <numeric>

#include "host/errors.hpp"
#include "random_tensors.hpp"

namespace saccade::cli {

namespace {

constexpr uint64_t dim = 512;
constexpr uint64_t heads = 8;
constexpr uint64_t headDim = 64;
constexpr uint64_t inner = heads * headDim;
constexpr uint64_t textLength = 256; // DALL-E's

void addNorm(host::TensorMap& weights, const std::string& name, const char* scale, const char* shift) {
    weights[name + "." + scale] = constantTensor({dim}, 1);
    weights[name + "." + shift] = constantTensor({dim}, 0);
}

BenchCase phenakiTransformer() {
    constexpr uint64_t depth = 6;
    constexpr uint64_t hidden = 4 * 2 * dim / 3; // int(mult * 2/3 * dim)
    RandomTensors random(2022);
    BenchCase result;
    result.name = "phenaki transformer";
    result.module = "PhenakiTransformer";
    result.config = {{"dim", dim}, {"depth", depth}, {"heads", heads}, {"dim_head", headDim}};
    for (uint64_t i = 0; i < depth; ++i) {
        const std::string attention = "layers." + std::to_string(i) + ".1";
        addNorm(result.weights, attention + ".norm", "gamma", "beta");
        addNorm(result.weights, attention + ".context_norm", "gamma", "beta"); // in upstream's state_dict, not used
        random.layer(result.weights, attention + ".to_q", {inner, dim}, false);
        random.layer(result.weights, attention + ".to_kv", {2 * inner, dim}, false);
        random.layer(result.weights, attention + ".to_out", {dim, inner}, false);
        result.weights[attention + ".q_scale"] = constantTensor({headDim}, 1);
        result.weights[attention + ".k_scale"] = constantTensor({headDim}, 1);
        const std::string feedForward = "layers." + std::to_string(i) + ".3";
        addNorm(result.weights, feedForward + ".0", "weight", "bias");
        random.layer(result.weights, feedForward + ".1", {2 * hidden, dim}, false);
        random.layer(result.weights, feedForward + ".4", {dim, hidden}, false);
    }
    addNorm(result.weights, "norm_out", "gamma", "beta");
    result.inputs["x"] = random.normal({1, 1024, dim});
    result.queries = result.keys = 1024;
    return result;
}

/// Over the text and a square image of `side`^2 tokens, one less than the padded sequence has.
BenchCase dalle(const std::string& kind, const char* module, uint64_t side, nlohmann::json more) {
    const uint64_t tokens = textLength + side * side - 1;
    RandomTensors random(2022);
    BenchCase result;
    result.name = kind + " " + std::to_string(side * side);
    result.module = module;
    result.config = {{"dim", dim}, {"seq_len", tokens}, {"heads", heads}, {"dim_head", headDim}};
    result.config.update(more);
    random.layer(result.weights, "to_qkv", {3 * inner, dim}, false);
    random.layer(result.weights, "to_out.0", {dim, inner}, true);
    result.inputs["x"] = random.normal({1, tokens, dim});
    result.queries = result.keys = tokens;
    return result;
}

/// DeepSpeed's variable layout as DALLE-pytorch asks for it: a quarter of the blocks at random, the text's seen by all.
BenchCase dalleBlocks(uint64_t side) {
    constexpr uint64_t blockSize = 16;
    BenchCase result = dalle("dalle blocks", "SparseAttention", side,
                             {{"causal", true}, {"block_size", blockSize}, {"text_seq_len", textLength}});
    const uint64_t blocks = (textLength + side * side) / blockSize;
    std::vector<uint32_t> text(textLength / blockSize);
    std::iota(text.begin(), text.end(), 0u);

    SacVariableLayoutInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_VARIABLE_LAYOUT_INFO;
    info.heads = heads;
    info.blocks = static_cast<uint32_t>(blocks);
    info.randomBlocks = static_cast<uint32_t>(blocks / 4);
    info.globalBlockCount = static_cast<uint32_t>(text.size());
    info.globalBlockIndices = text.data();
    info.causal = VK_TRUE;
    info.seed = 2022;
    std::vector<std::byte> layout(heads * blocks * blocks);
    SacError error{};
    sac::check(sacBuildVariableLayout(&info, layout.size(), reinterpret_cast<uint8_t*>(layout.data()), &error), error);
    result.inputs["layout"] = {DataType::u8, {heads, blocks, blocks}, std::move(layout)};
    return result;
}

/// All tokens of a map of side x side see all of them.
BenchCase denseMap(uint64_t side) {
    const uint64_t tokens = side * side;
    RandomTensors random(2022);
    BenchCase result;
    result.name = "map dense " + std::to_string(tokens);
    result.module = "DalleAttention";
    result.config = {{"dim", dim}, {"seq_len", tokens}, {"heads", heads}, {"dim_head", headDim}, {"causal", false}};
    random.layer(result.weights, "to_qkv", {3 * inner, dim}, false);
    random.layer(result.weights, "to_out.0", {dim, inner}, true);
    result.inputs["x"] = random.normal({1, tokens, dim});
    result.queries = result.keys = tokens;
    return result;
}

/// A token of the map sees a square around it.
BenchCase localMap(const std::string& border, uint64_t side, uint64_t window) {
    RandomTensors random(2022);
    BenchCase result;
    result.name = "map " + border + " " + std::to_string(side * side);
    result.module = "LocalAttention2D";
    result.config = {{"dim", dim}, {"heads", heads}, {"dim_head", headDim}, {"window", window}, {"border", border}};
    for (const char* layer : {"to_q", "to_k", "to_v"})
        random.layer(result.weights, layer, {inner, dim, 1, 1}, false);
    random.layer(result.weights, "to_out", {dim, inner, 1, 1}, true);
    result.inputs["x"] = random.normal({1, dim, side, side});
    result.queries = result.keys = side * side;
    return result;
}

/// Each of `tokens` tokens keeps the keys that `selection` says.
BenchCase dynamicSparse(const std::string& kind, uint64_t tokens, const nlohmann::json& selection) {
    RandomTensors random(2022);
    BenchCase result;
    result.name = "dynamic " + kind + " " + std::to_string(tokens);
    result.module = "DynamicSparseAttention";
    result.config = {{"dim", dim}, {"heads", heads}, {"dim_head", headDim}};
    result.config.update(selection);
    for (const char* layer : {"to_q", "to_k", "to_v"})
        random.layer(result.weights, layer, {inner, dim}, false);
    random.layer(result.weights, "to_out", {dim, inner}, true);
    result.inputs["x"] = random.normal({1, tokens, dim});
    result.queries = result.keys = tokens;
    return result;
}

BenchCase gridSample() {
    RandomTensors random(2022);
    BenchCase result;
    result.name = "grid sample";
    result.module = "grid_sample";
    result.config = {{"dims", 2}};
    result.inputs["x"] = random.normal({1, 64, 64, 64});
    result.inputs["grid"] = random.uniform({1, 64, 64, 2}, 1);
    result.queries = result.keys = 64 * 64;
    return result;
}

} // namespace

std::vector<BenchCase> hostCases() {
    return {gridSample(), deformableCase(1), deformableCase(2), phenakiTransformer(),
            dalle("dalle dense", "DalleAttention", 32, {{"causal", true}})};
}

std::vector<BenchCase> relativeCases() {
    std::vector<BenchCase> cases = {phenakiTransformer()};
    for (const uint64_t side : {32, 64}) {
        cases.push_back(dalle("dalle dense", "DalleAttention", side, {{"causal", true}}));
        cases.push_back(
            dalle("dalle axial row", "SparseAxialCausalAttention", side, {{"image_size", side}, {"axis", 0}}));
        cases.push_back(
            dalle("dalle axial column", "SparseAxialCausalAttention", side, {{"image_size", side}, {"axis", 1}}));
        cases.push_back(
            dalle("dalle window", "SparseConvCausalAttention", side, {{"image_size", side}, {"kernel_size", 5}}));
        cases.push_back(dalleBlocks(side));
    }
    cases.push_back(denseMap(64));
    for (const char* border : {"cut", "neighborhood"})
        cases.push_back(localMap(border, 64, 7));
    cases.push_back(dynamicSparse("top 32", 4096, {{"k", 32}}));
    cases.push_back(dynamicSparse("top 512", 4096, {{"k", 512}}));
    cases.push_back(dynamicSparse("threshold", 4096, {{"select", "threshold"}, {"threshold", 0.5}}));
    return cases;
}

} // namespace saccade::cli
