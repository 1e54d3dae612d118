// SPDX-License-Identifier: Apache-2.0
// Inputs in further forms than the data-driven cases have: INT64, halves that broadcast, part of a batch of videos, and
// what is refused or ignored of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "host/errors.hpp"
#include "random/random_model.hpp"
#include "support/limits.hpp"

namespace saccade::test {
namespace {

class Forms : public GpuTest {
protected:
    /// Expects the plan to be refused with a message that has `named`.
    static void expectRefused(const Model& model, sac::PlanBuilder& description, const char* named) {
        try {
            const Plan plan(model, description);
            ADD_FAILURE() << "was accepted; expected: " << named;
        } catch (const sac::Exception& error) {
            EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
        }
    }
};

TEST_F(Forms, levelsMayBeWideAndHaveTheirStarts) {
    const Case levels{"levels", "MSDeformAttn", R"({"d_model": 8, "n_levels": 2, "n_heads": 2, "n_points": 1})",
                      R"({"batch": 1, "queries": 3, "shapes": [[3, 4], [2, 2]]})"};
    const RandomCase random(levels, 5);
    Context context(device());
    Model model(context, random.bytes);
    const auto describe = [&](sac::PlanBuilder& description, SacDataType type, const std::vector<double>& starts) {
        for (const auto& [name, tensor] : random.inputs) {
            const bool integers = name == "spatial_shapes";
            description.input(name, tensor.shape, integers ? type : SAC_DATA_TYPE_FLOAT32, SAC_LAYOUT_CONTIGUOUS,
                              integers ? encode(tensor, type) : std::vector<std::byte>{});
        }
        reference::Tensor tensor({static_cast<int64_t>(starts.size())});
        tensor.data = starts;
        description.input("level_start_index", tensor.shape, type, SAC_LAYOUT_CONTIGUOUS, encode(tensor, type));
        description.output("y");
    };
    for (const SacDataType type : {SAC_DATA_TYPE_INT32, SAC_DATA_TYPE_INT64}) {
        sac::PlanBuilder right, wrong, longer;
        describe(right, type, {0, 12});
        if (random.isAllowed(model, right)) {
            const Plan plan(model, right);
            const reference::Tensors results = runOnce(plan, random.inputs, {{"y", random.expected.at("y")}});
            EXPECT_LE(reference::relativeError(results.at("y"), random.expected.at("y")), 1e-5);
        }
        describe(wrong, type, {0, 11});
        expectRefused(model, wrong, "\"level_start_index\": level 1 begins at 11");
        describe(longer, type, {0, 12, 16});
        expectRefused(model, longer, "\"level_start_index\": shape[0] is 3");
    }
}

TEST_F(Forms, aHalfPrecisionBiasIsSharedByTheBatch) {
    if (!hasHalves(device()))
        GTEST_SKIP() << "the device has no 16-bit storage";
    RandomCase random({"bias", "PhenakiAttention", R"({"dim": 7, "heads": 3, "dim_head": 5})",
                       R"({"batch": 4, "n": 6, "attn_bias": [1, 6, 6]})"},
                      6);
    reference::Tensor& bias = random.inputs.at("attn_bias");
    bias = decode(encode(bias, SAC_DATA_TYPE_FLOAT16).data(), SAC_DATA_TYPE_FLOAT16, bias.shape);
    random.expected = reference::run("PhenakiAttention", random.config, random.weights, random.inputs);
    Context context(device());
    Model model(context, random.bytes);
    sac::PlanBuilder description;
    description.input("x", random.inputs.at("x").shape).input("attn_bias", bias.shape, SAC_DATA_TYPE_FLOAT16);
    if (random.isAllowed(model, description))
        random.expectResults(Plan(model, description), 1e-5);
}

// Six sequences are the frames of two videos: an entry of the batch is a video.
TEST_F(Forms, aPartOfTheBatchIsWholeVideos) {
    const RandomCase random({"frames", "PhenakiTransformer",
                             R"({"dim": 9, "depth": 1, "heads": 3, "dim_head": 5, "peg": true,
                                 "video_shape": [2, 3, 2, 4]})",
                             R"({"batch": 6, "n": 8})"},
                            7);
    Context context(device());
    Model model(context, random.bytes);
    sac::PlanBuilder description;
    random.describe(description);
    if (!random.isAllowed(model, description))
        return;
    const Plan plan(model, description);
    PlanBuffers buffers(device(), plan);
    buffers.write("x", random.inputs.at("x"));
    const reference::Tensor& whole = random.expected.at("y");
    buffers.write("y", reference::Tensor(whole.shape, 7));
    submit([&](VkCommandBuffer commandBuffer) {
        recordUpload(plan, commandBuffer, buffers);
        recordRun(plan, commandBuffer, buffers, 1);
    });
    reference::Tensor expected(whole.shape, 7); // the second video is not written
    std::copy_n(whole.data.begin(), whole.data.size() / 2, expected.data.begin());
    EXPECT_LE(reference::relativeError(buffers.read("y"), expected), 1e-5);

    SacRunInfo run = buffers.runInfo();
    run.batch = 3;
    SacError error{};
    submit([&](VkCommandBuffer commandBuffer) {
        EXPECT_EQ(sacCmdRun(plan, commandBuffer, &run, &error), SAC_ERROR_INVALID_ARGUMENT);
    });
    EXPECT_NE(std::string(error.message).find("the plan was made for at most 2"), std::string::npos) << error.message;
}

TEST_F(Forms, whatDoesNotFitIsNamed) {
    const auto refused = [&](const Case& c, const char* options, const std::map<std::string, reference::Shape>& inputs,
                             const char* named) {
        SCOPED_TRACE(named);
        const auto config = nlohmann::json::parse(c.config);
        const auto bytes = makeModelFile(c.module, config, reference::randomWeights(c.module, config, 1));
        Context context(device());
        Model model(context, bytes);
        sac::PlanBuilder description;
        for (const auto& [name, shape] : inputs)
            description.input(name, shape, name == "mask" ? SAC_DATA_TYPE_BOOL : SAC_DATA_TYPE_FLOAT32);
        description.info.options = options;
        expectRefused(model, description, named);
    };
    const Case peg{"", "PEG", R"({"dim": 4})", ""}, attention{"", "PhenakiAttention", R"({"dim": 4, "heads": 2})", ""};
    refused(peg, nullptr, {{"x", {2, 6, 4}}}, "no \"shape\"");
    refused(peg, R"({"shape": [2, 1, 2, 2]})", {{"x", {2, 6, 4}}},
            "\"shape\": 2 videos of 1 frames of 2 x 2 are not the 2 x 6 tokens");
    refused(peg, R"({"shape": [1048576, 1048576, 1048576, 1048576]})", {{"x", {2, 6, 4}}}, "are not the 2 x 6 tokens");
    refused(peg, R"({"shape": [2, 6, 1]})", {{"x", {2, 6, 4}}}, "\"shape\"");
    refused(peg, nullptr, {{"x", {2, 6, 2, 4}}}, "input \"x\" has rank 4");
    refused(attention, nullptr, {{"x", {3, 5, 4}}, {"attn_bias", {5}}}, "\"attn_bias\" has rank 1");
    refused(attention, nullptr, {{"x", {3, 5, 4}}, {"attn_bias", {2, 5, 5}}, {"mask", {2, 5}}},
            "\"mask\": shape[0] is 2, it must be 3");
    refused(attention, nullptr, {{"x", {3, 5, 4}}, {"attn_bias", {3, 5, 5}}},
            "\"attn_bias\": shape[0] is 3, it must be 2 or 1, to broadcast to (3, 2, 5, 5)");
    refused(attention, nullptr, {{"x", {3, 5, 4}}, {"attn_bias", {1, 3, 2, 5, 5}}}, "\"attn_bias\" has rank 5");
    const Case dalle{"", "DalleAttention", R"({"dim": 4, "seq_len": 5, "heads": 2, "dim_head": 4})", ""};
    refused(dalle, nullptr, {{"x", {3, 5, 4}}, {"rotary_pos_emb", {3, 5, 2}}}, "(b, 1, n, features)");
    refused(dalle, nullptr, {{"x", {3, 5, 4}}, {"rotary_pos_emb", {2, 1, 5, 2}}}, "(b, 1, n, features)");
    refused(dalle, nullptr, {{"x", {3, 5, 4}}, {"rotary_pos_emb", {4, 2}}}, "has 4 positions");
    refused(dalle, nullptr, {{"x", {3, 5, 4}}, {"rotary_pos_emb", {3, 1, 5, 6}}}, "shape[3] is 6");
}

TEST_F(Forms, paddingHasTwoNames) {
    Context context(device());
    SacModelInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    info.module = "grid_sample";
    info.config = R"({"dims": 2, "padding": "border", "padding_mode": "border"})";
    { const Model same(context, info); }
    info.config = R"({"dims": 2, "padding": "border", "padding_mode": "zeros"})";
    SacModel model = nullptr;
    SacError error{};
    EXPECT_EQ(sacCreateModel(context, &info, &model, &error), SAC_ERROR_INVALID_CONFIG);
    EXPECT_NE(std::string(error.message).find("\"padding_mode\""), std::string::npos) << error.message;
}

} // namespace
} // namespace saccade::test
