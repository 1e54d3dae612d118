// SPDX-License-Identifier: Apache-2.0
// Every module at shapes and options that no golden file combines, against the float64 reference: odd head sizes, one
// token, masks that keep nothing, cross attention of other lengths, shared heads and layouts. The deformable modules
// and grid_sample are in random_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "random/random_model.hpp"
#include "reference/dynamic_attention.hpp"

namespace saccade::test {
namespace {

const Case cases[] = {
    {"tutorialOddSizes", "TutorialDeformableAttention", R"({"in_channels": 5, "out_channels": 21, "num_heads": 3})",
     R"({"batch": 3, "size": [7, 5]})"},
    {"tutorialRows", "TutorialDeformableAttention",
     R"({"in_channels": 3, "out_channels": 8, "num_heads": 2, "pattern": "rows", "axis_order": "reference",
         "scaled": false})",
     R"({"batch": 2, "size": [6, 9]})"},
    {"tutorialOnePixel", "TutorialDeformableAttention",
     R"({"in_channels": 1, "out_channels": 1, "num_heads": 1, "scaled": false})", R"({"batch": 2, "size": [1, 1]})"},

    {"localSequence", "LocalAttention1D", R"({"dim": 20, "heads": 3, "dim_head": 7, "window": 5, "dilation": 3})",
     R"({"batch": 3, "size": [33]})"},
    {"localSequenceOfOne", "LocalAttention1D", R"({"dim": 4, "heads": 2, "dim_head": 6, "window": [1]})",
     R"({"batch": 2, "size": [1]})"},
    {"localSequenceNeighborhood", "LocalAttention1D",
     R"({"dim": 12, "heads": 2, "window": 7, "dilation": [2], "border": "neighborhood"})",
     R"({"batch": 2, "size": [15]})"},
    {"localMap", "LocalAttention2D", R"({"dim": 24, "heads": 2, "dim_head": 16, "window": 5})",
     R"({"batch": 2, "size": [9, 14]})"},
    {"localMapWideWindow", "LocalAttention2D", R"({"dim": 9, "heads": 3, "dim_head": 5, "window": [3, 31]})",
     R"({"batch": 2, "size": [6, 7]})"},
    {"localMapOnePixel", "LocalAttention2D", R"({"dim": 5, "heads": 1, "dim_head": 1, "window": 7})",
     R"({"batch": 3, "size": [1, 1]})"},
    {"localMapNeighborhood", "LocalAttention2D",
     R"({"dim": 16, "heads": 4, "dim_head": 12, "window": [3, 5], "dilation": [3, 2], "border": "neighborhood"})",
     R"({"batch": 1, "size": [11, 13]})"},
    {"localMapAllSeen", "LocalAttention2D",
     R"({"dim": 6, "heads": 2, "dim_head": 9, "window": [5, 3], "border": "neighborhood"})",
     R"({"batch": 2, "size": [5, 3]})"},
    {"localVolume", "LocalAttention3D",
     R"({"dim": 8, "heads": 2, "dim_head": 10, "window": [3, 5, 3], "dilation": [1, 2, 3]})",
     R"({"batch": 2, "size": [4, 7, 5]})"},
    {"localVolumeNeighborhood", "LocalAttention3D",
     R"({"dim": 10, "heads": 1, "dim_head": 33, "window": 3, "dilation": [1, 1, 2], "border": "neighborhood"})",
     R"({"batch": 2, "size": [3, 5, 8]})"},

    {"dynamicSequence", "DynamicSparseAttention", R"({"dim": 20, "heads": 3, "dim_head": 7, "k": 5})",
     R"({"batch": 3, "size": [33]})"},
    {"dynamicMap", "DynamicSparseAttention",
     R"({"dim": 24, "heads": 2, "dim_head": 16, "select": "topk", "k": 34, "threshold": null})",
     R"({"batch": 2, "size": [7, 9]})"},
    {"dynamicMapOneKey", "DynamicSparseAttention", R"({"dim": 9, "heads": 3, "dim_head": 5, "k": 1})",
     R"({"batch": 2, "size": [6, 7]})"},
    {"dynamicMapOnePixel", "DynamicSparseAttention", R"({"dim": 5, "heads": 1, "dim_head": 1, "k": 8})",
     R"({"batch": 3, "size": [1, 1]})"},
    {"dynamicVolume", "DynamicSparseAttention",
     R"({"dim": 8, "heads": 2, "dim_head": 10, "select": "threshold", "threshold": 0.8, "k": 3})",
     R"({"batch": 2, "size": [2, 5, 4]})"},
    {"dynamicTokens", "DynamicSparseAttention", R"({"dim": 16, "heads": 2, "k": 12})", R"({"batch": 2, "n": 41})"},
    {"dynamicTokensAllKept", "DynamicSparseAttention", R"({"dim": 7, "heads": 2, "dim_head": 33, "k": 100})",
     R"({"batch": 2, "n": 19})"},
    {"dynamicTokensBest", "DynamicSparseAttention",
     R"({"dim": 6, "heads": 4, "dim_head": 3, "select": "threshold", "threshold": 0})", R"({"batch": 2, "n": 29})"},
    {"dynamicTokensWithinMuch", "DynamicSparseAttention",
     R"({"dim": 10, "heads": 1, "dim_head": 12, "select": "threshold", "threshold": 1e6})", R"({"batch": 1, "n": 21})"},

    {"msDeformBoxes", "MSDeformAttn", R"({"d_model": 15, "n_levels": 5, "n_heads": 5, "n_points": 3})",
     R"({"batch": 2, "queries": 7, "shapes": [[9, 4], [1, 5], [3, 3], [2, 1], [1, 1]], "box": true,
         "padding_mask": true})"},
    {"msDeformOneQuery", "MSDeformAttn", R"({"d_model": 24, "n_levels": 1, "n_heads": 8, "n_points": 1})",
     R"({"batch": 3, "queries": 1, "shapes": [[5, 11]], "padding_mask": "empty"})"},

    {"phenakiLongContext", "PhenakiAttention",
     R"({"dim": 20, "dim_context": 7, "heads": 3, "dim_head": 31, "num_null_kv": 3, "causal": true, "scale": 4})",
     R"({"batch": 2, "n": 5, "context": 19, "mask": true, "attn_bias": true})"},
    {"phenakiShortContext", "PhenakiAttention",
     R"({"dim": 9, "heads": 6, "dim_head": 1, "causal": true, "norm_context": false})",
     R"({"batch": 3, "n": 17, "context": 5, "mask": "empty"})"},
    {"phenakiOneToken", "PhenakiAttention", R"({"dim": 8, "heads": 1, "dim_head": 64, "num_null_kv": 1})",
     R"({"batch": 2, "n": 1, "mask": "empty"})"},

    {"phenakiBiasOfPairs", "PhenakiAttention", R"({"dim": 7, "heads": 3, "dim_head": 5, "num_null_kv": 1})",
     R"({"batch": 3, "n": 6, "attn_bias": [6, 6], "mask": true, "shared_mask": true})"},
    {"phenakiBiasShared", "PhenakiAttention", R"({"dim": 7, "heads": 2, "dim_head": 5})",
     R"({"batch": 2, "n": 6, "context": 9, "attn_bias": [1, 6, 9]})"},
    {"phenakiBiasPerHeadAndKey", "PhenakiAttention", R"({"dim": 7, "heads": 4, "dim_head": 8})",
     R"({"batch": 2, "n": 5, "attn_bias": [4, 1, 5]})"},
    {"phenakiBiasPerBatch", "PhenakiAttention", R"({"dim": 7, "heads": 3, "dim_head": 5, "causal": true})",
     R"({"batch": 2, "n": 6, "attn_bias": [2, 1, 6, 6]})"},
    {"phenakiBiasOfAll", "PhenakiAttention", R"({"dim": 7, "heads": 3, "dim_head": 5, "num_null_kv": 2})",
     R"({"batch": 2, "n": 4, "context": 3, "attn_bias": [2, 3, 4, 3], "mask": true})"},
    {"phenakiBiasOfBatchAlone", "PhenakiAttention", R"({"dim": 7, "heads": 3, "dim_head": 5})",
     R"({"batch": 2, "n": 4, "attn_bias": [2, 1, 4, 1]})"},

    {"pegTokens", "PEG", R"({"dim": 9, "causal": true, "shape": [2, 3, 1, 4]})", R"({"batch": 2, "n": 12})"},
    {"pegTokensOfFrames", "PEG", R"({"dim": 5, "shape": [2, 3, 2, 4]})", R"({"batch": 6, "n": 8})"},
    {"pegTokensAcrossVideos", "PEG", R"({"dim": 5, "shape": [6, 2, 1, 2]})", R"({"batch": 4, "n": 6})"},
    {"pegOneFrame", "PEG", R"({"dim": 9, "causal": true})", R"({"batch": 3, "size": [1, 4, 7]})"},
    {"pegOneColumn", "PEG", R"({"dim": 33})", R"({"batch": 2, "size": [4, 5, 1]})"},

    {"feedForwardOddWidth", "PhenakiFeedForward", R"({"dim": 33, "mult": 1.5})", R"({"batch": 3, "n": 17})"},
    {"feedForwardOneChannel", "PhenakiFeedForward", R"({"dim": 1, "mult": 4})", R"({"batch": 1, "n": 1})"},

    {"transformerCross", "PhenakiTransformer",
     R"({"dim": 9, "depth": 2, "heads": 3, "dim_head": 5, "causal": true, "peg": true, "peg_causal": true,
         "has_cross_attn": true, "attn_num_null_kv": 0, "dim_context": 5, "ff_mult": 3, "video_shape": [2, 3, 1, 4]})",
     R"({"context": 11, "mask": true, "context_mask": true, "attn_bias": true})"},
    {"transformerOneToken", "PhenakiTransformer",
     R"({"dim": 4, "depth": 1, "heads": 1, "dim_head": 3, "peg": true, "video_shape": [3, 1, 1, 1]})",
     R"({"mask": "empty"})"},

    {"layerNormRows", "PhenakiLayerNorm", R"({"dim": 37})", R"({"shape": [3, 2, 5, 37]})"},
    {"layerNormWide", "PhenakiLayerNorm", R"({"dim": 500})", R"({"shape": [2, 500]})"},
    {"layerNormOneChannel", "PhenakiLayerNorm", R"({"dim": 1})", R"({"shape": [1, 4, 1]})"},
    {"gegluRows", "GEGLU", "{}", R"({"shape": [2, 7, 26]})"},
    {"gegluOneChannel", "GEGLU", "{}", R"({"shape": [3, 2]})"},
    {"l2normHeads", "l2norm", "{}", R"({"shape": [2, 3, 4, 19]})"},
    {"l2normOneChannel", "l2norm", "{}", R"({"shape": [5, 1]})"},
    {"l2normWide", "l2norm", "{}", R"({"shape": [1, 2, 300]})"},
    {"scaleNumber", "Scale", R"({"scale": -1.75})", R"({"shape": [2, 5, 9]})"},
    {"scaleChannels", "Scale", "{}", R"({"shape": [2, 3, 2, 5, 4]})"},
    {"scaleChannelsAlone", "Scale", "{}", R"({"shape": [4, 3]})"},
    {"cpbLine", "CPB", R"({"dim": 12, "heads": 6, "offset_groups": 3, "depth": 2, "log_distance": false})",
     R"({"queries": [11], "keys": [6, 5]})"},
    {"cpbLineWithChannel", "CPB", R"({"dim": 6, "heads": 1, "offset_groups": 1, "depth": 2})",
     R"({"queries": [3, 1], "keys": [2, 4, 1]})"},
    {"cpbMap", "CPB", R"({"dim": 40, "heads": 4, "offset_groups": 4, "depth": 2})",
     R"({"queries": [5, 7, 2], "keys": [8, 3, 2, 2]})"},
    {"cpbVolume", "CPB", R"({"dim": 17, "heads": 6, "offset_groups": 2, "depth": 2})",
     R"({"queries": [2, 3, 4, 3], "keys": [4, 13, 3]})"},

    {"transformerSpatial", "PhenakiTransformer",
     R"({"dim": 9, "depth": 2, "heads": 3, "dim_head": 5, "peg": true, "peg_causal": true,
         "video_shape": [2, 3, 2, 4]})",
     R"({"batch": 6, "n": 8, "attn_bias": true})"},
    {"transformerTemporal", "PhenakiTransformer",
     R"({"dim": 9, "depth": 1, "heads": 2, "dim_head": 5, "causal": true, "peg": true, "peg_causal": true,
         "video_shape": [2, 3, 2, 4]})",
     R"({"batch": 16, "n": 3, "mask": true, "shared_mask": true})"},
    {"transformerOfNoLayers", "PhenakiTransformer", R"({"dim": 9, "depth": 0})", R"({"batch": 2, "n": 5})"},

    {"alibiUnevenHeads", "AlibiPositionalBias", R"({"heads": 13, "i": 3, "j": 11})", "{}"},
    {"alibiMoreQueriesThanKeys", "AlibiPositionalBias", R"({"heads": 6, "i": 9, "j": 2})", "{}"},

    {"positionBiasLine", "ContinuousPositionBias",
     R"({"dim": 3, "heads": 5, "num_dims": 1, "layers": 1, "log_dist": false, "dimensions": [7]})", "{}"},
    {"positionBiasVideo", "ContinuousPositionBias",
     R"({"dim": 17, "heads": 2, "num_dims": 3, "layers": 3, "dimensions": [2, 1, 4]})", "{}"},
    {"positionBiasFourAxes", "ContinuousPositionBias",
     R"({"dim": 5, "heads": 3, "num_dims": 4, "dimensions": [2, 3, 1, 4]})", "{}"},

    {"dallePieces", "DalleAttention",
     R"({"dim": 8, "seq_len": 20, "heads": 3, "dim_head": 13, "stable": true, "cache_steps": [6, 1, 9, 1]})",
     R"({"batch": 2, "n": 17, "mask": true, "static_mask": true, "rotary": 4})"},
    {"dalleNothingKept", "DalleAttention", R"({"dim": 5, "seq_len": 33, "causal": false, "heads": 2, "dim_head": 63})",
     R"({"batch": 3, "n": 33, "mask": "empty", "static_mask": "empty"})"},
    {"dalleOneToken", "DalleAttention", R"({"dim": 1, "seq_len": 4, "heads": 1, "dim_head": 2})",
     R"({"batch": 2, "n": 1, "rotary": 2})"},

    {"dalleAnglesOfTwoAxes", "DalleAttention", R"({"dim": 8, "seq_len": 9, "heads": 3, "dim_head": 6})",
     R"({"batch": 2, "n": 7, "rotary": 4, "rotary_shape": [9], "mask": true, "shared_mask": true})"},
    {"dalleAnglesPerBatch", "DalleAttention", R"({"dim": 8, "seq_len": 9, "heads": 3, "dim_head": 6})",
     R"({"batch": 3, "n": 9, "rotary": 6, "rotary_shape": [3, 1, 9]})"},
    {"dalleAnglesOfOnePosition", "DalleAttention", R"({"dim": 8, "seq_len": 9, "heads": 2, "dim_head": 6})",
     R"({"batch": 2, "n": 5, "rotary": 2, "rotary_shape": [1, 1]})"},
    {"convAnglesPerBatch", "SparseConvCausalAttention",
     R"({"dim": 4, "seq_len": 13, "image_size": 3, "heads": 3, "dim_head": 8, "kernel_size": 3})",
     R"({"batch": 2, "n": 14, "rotary": 4, "rotary_shape": [2, 1, 14], "mask": true})"},
    {"axialWholeSequence", "SparseAxialCausalAttention",
     R"({"dim": 9, "seq_len": 32, "image_size": 5, "heads": 2, "dim_head": 3, "axis": 1})",
     R"({"batch": 2, "n": 33, "rotary": 2, "rotary_shape": [33]})"},
    {"blocksAnglesPerBatch", "SparseAttention",
     R"({"dim": 4, "seq_len": 64, "heads": 2, "dim_head": 6, "block_size": 8})",
     R"({"batch": 2, "n": 19, "rotary": 4, "rotary_shape": [2, 1, 24]})"},

    {"convDilated", "SparseConvCausalAttention",
     R"({"dim": 9, "seq_len": 38, "image_size": 6, "heads": 2, "dim_head": 5, "kernel_size": 3, "dilation": 2})",
     R"({"batch": 2, "n": 35, "mask": "empty", "rotary": 4})"},
    {"convTextOnly", "SparseConvCausalAttention",
     R"({"dim": 4, "seq_len": 13, "image_size": 3, "heads": 3, "dim_head": 16, "kernel_size": 7})",
     R"({"batch": 3, "n": 4, "mask": true})"},

    {"axialRows", "SparseAxialCausalAttention",
     R"({"dim": 9, "seq_len": 32, "image_size": 5, "heads": 1, "dim_head": 31, "axis": 0})",
     R"({"batch": 2, "n": 32, "mask": "empty", "rotary": 20})"},
    {"axialOnePixel", "SparseAxialCausalAttention",
     R"({"dim": 4, "seq_len": 3, "image_size": 1, "heads": 2, "dim_head": 1, "axis": 1})",
     R"({"batch": 3, "n": 3, "mask": true})"},

    {"blocksOfThree", "SparseAttention",
     R"({"dim": 9, "seq_len": 64, "heads": 3, "dim_head": 13, "block_size": 3, "padding": "reference_add"})",
     R"({"batch": 2, "n": 19, "mask": "empty", "rotary": 2})"},
    {"blocksShared", "SparseAttention",
     R"({"dim": 4, "seq_len": 64, "heads": 2, "dim_head": 3, "block_size": 8, "causal": false})",
     R"({"batch": 3, "n": 41, "mask": true, "shared_layout": true})"},

    {"rotaryPart", "onnx.RotaryEmbedding", R"({"num_heads": 3, "rotary_embedding_dim": 4, "interleaved": 1})",
     R"({"batch": 2, "heads": 3, "n": 9, "d": 7, "rank": 3})"},
    {"rotaryIds", "onnx.RotaryEmbedding", R"({})",
     R"({"batch": 3, "heads": 2, "n": 1, "d": 30, "position_ids": true})"},

    {"deformConvGroups", "onnx.DeformConv",
     R"({"strides": [2, 3], "dilations": [1, 2], "pads": [0, 2, 1, 1], "group": 3, "offset_group": 2})",
     R"({"batch": 2, "in": 6, "out": 9, "size": [8, 7], "kernel": [3, 2], "mask": true})"},
    {"deformConvOneTap", "onnx.DeformConv", R"({})",
     R"({"batch": 3, "in": 5, "out": 1, "size": [1, 4], "kernel": [1, 1], "bias": true})"},

    {"attentionPast", "onnx.Attention", R"({"is_causal": 1, "scale": 0.3, "qk_matmul_output_mode": 3})",
     R"({"batch": 2, "q_heads": 6, "kv_heads": 2, "queries": 3, "keys": 7, "d": 13, "v_d": 5, "past": 5,
         "mask": "bool", "mask_shape": [2, 1, 3, 12]})"},
    {"attentionCapped", "onnx.Attention",
     R"({"softcap": 2.0, "qk_matmul_output_mode": 2, "q_num_heads": 3, "kv_num_heads": 3})",
     R"({"batch": 2, "q_heads": 3, "kv_heads": 3, "queries": 17, "keys": 20, "d": 1, "v_d": 63, "rank": 3,
         "mask": "float", "mask_shape": [3, 1, 20]})"},
    {"attentionNothingKept", "onnx.Attention", R"({"qk_matmul_output_mode": 1})",
     R"({"batch": 3, "q_heads": 2, "kv_heads": 1, "queries": 33, "keys": 7, "d": 63, "mask": "empty",
         "nonpad": true})"},

    {"onnxSampleLine", "onnx.GridSample", R"({"mode": "nearest", "padding_mode": "reflection"})",
     R"({"batch": 3, "channels": 5, "size": [9], "out": [4]})"},
    {"onnxSampleCubic", "onnx.GridSample", R"({"mode": "cubic", "padding_mode": "reflection", "align_corners": 1})",
     R"({"batch": 2, "channels": 13, "size": [1, 7], "out": [5, 2]})"},
};

class Modules : public GpuTest, public ::testing::WithParamInterface<Case> {};

TEST_P(Modules, agreeWithFloat64) {
    const RandomCase random(GetParam(), 3);
    Context context(device());
    Model model(context, random.bytes);
    sac::PlanBuilder description;
    random.describe(description);
    if (!random.isAllowed(model, description))
        return;
    random.expectResults(Plan(model, description), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Modules, ::testing::ValuesIn(cases), nameOf);

class HalfModules : public GpuTest {};

// Stored as halves, q and k choose other keys than their float64 values where the choice is close. Where it turns on
// more than 2 % of the scores' scale they have to choose the same.
TEST_F(HalfModules, chooseTheSameKeys) {
    if (!hasHalves(device()))
        GTEST_SKIP() << "the device has no 16-bit storage";
    const Case c = {"dynamicHalves", "DynamicSparseAttention", R"({"dim": 12, "heads": 2, "dim_head": 8, "k": 2})",
                    R"({"batch": 1, "size": [2, 4]})"};
    const auto config = nlohmann::json::parse(c.config), sizes = nlohmann::json::parse(c.sizes);
    const auto margin = [&](uint64_t seed) {
        return reference::dynamicSparseMargin(config, reference::randomWeights(c.module, config, sizes, seed),
                                              reference::randomInputs(c.module, config, sizes, seed + 1));
    };
    uint64_t seed = 1;
    while (margin(seed) < 0.02)
        ASSERT_LT(++seed, 1000u);
    const RandomCase random(c, seed);
    Context context(device());
    Model model(context, random.bytes);
    sac::PlanBuilder description;
    random.describe(description);
    description.info.precision = SAC_PRECISION_FLOAT16;
    random.expectResults(Plan(model, description), 5e-3);
}

// Weight and bias are inputs here, and as halves they are the same numbers after rounding.
TEST_F(HalfModules, deformConvTakesWeightAndBiasAsHalves) {
    if (!hasHalves(device()))
        GTEST_SKIP() << "the device has no 16-bit storage";
    RandomCase random({"deformConvHalves", "onnx.DeformConv", R"({"group": 3})",
                       R"({"batch": 2, "in": 3, "out": 9, "size": [5, 4], "kernel": [3, 1], "bias": true})"},
                      1);
    sac::PlanBuilder description;
    for (auto& [name, tensor] : random.inputs) {
        const bool half = name == "W" || name == "B";
        const SacDataType type = half ? SAC_DATA_TYPE_FLOAT16 : SAC_DATA_TYPE_FLOAT32;
        tensor = decode(encode(tensor, type).data(), type, tensor.shape);
        description.input(name, tensor.shape, type);
    }
    description.output("Y");
    random.expected = reference::run(random.module, random.config, random.weights, random.inputs);
    Context context(device());
    Model model(context, random.bytes);
    random.expectResults(Plan(model, description), 1e-5);
}

// A module that has no cases here has test suites of its own, which carry its name.
bool hasSuite(const std::string& module) {
    const ::testing::UnitTest& program = *::testing::UnitTest::GetInstance();
    for (int i = 0; i < program.total_test_suite_count(); ++i)
        if (std::string(program.GetTestSuite(i)->name()).ends_with("/" + module))
            return true;
    return false;
}

TEST(ModuleCases, leaveNoModuleOut) {
    for (uint32_t i = 0; const char* const module = sacGetModuleName(i); ++i) {
        const std::string name = module;
        const bool hasCases =
            std::any_of(std::begin(cases), std::end(cases), [&](const Case& c) { return c.module == name; });
        EXPECT_TRUE(hasCases || hasSuite(name) || name == "grid_sample" || name == "Network" ||
                    name.starts_with("DeformableAttention"))
            << name;
    }
}

} // namespace
} // namespace saccade::test
