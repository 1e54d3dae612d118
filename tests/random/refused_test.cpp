// SPDX-License-Identifier: Apache-2.0
// What sparse attention, the small layers and ONNX's operators cannot be given is refused by name: configurations when
// a model is made, shapes when a plan is.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "random/random_model.hpp"

namespace saccade::test {
namespace {

struct Refusal {
    const char* name;
    const char* module;
    const char* config;
    std::vector<std::pair<const char*, reference::Shape>> inputs; ///< none: the model is refused
    const char* message;                                          ///< has this
};

void PrintTo(const Refusal& c, std::ostream* stream) { *stream << c.module << ' ' << c.config; }

class Refused : public GpuTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(Refused, byName) {
    const Refusal& c = GetParam();
    const nlohmann::json config = nlohmann::json::parse(c.config);
    const std::vector<std::byte> bytes = makeModelFile(c.module, config, reference::randomWeights(c.module, config, 1));
    Context context(device());
    SacModelInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    info.data = bytes.data();
    info.size = bytes.size();
    SacModel model = nullptr;
    SacError error{};
    const SacResult made = sacCreateModel(context, &info, &model, &error);
    if (c.inputs.empty()) {
        EXPECT_NE(made, SAC_SUCCESS);
    } else {
        ASSERT_EQ(made, SAC_SUCCESS) << error.message;
        sac::PlanBuilder description;
        for (const auto& [name, shape] : c.inputs)
            description.input(name, shape);
        SacPlan plan = nullptr;
        EXPECT_NE(sacCreatePlan(model, &description.get(), &plan, &error), SAC_SUCCESS);
        sacDestroyModel(model);
    }
    EXPECT_NE(std::strstr(error.message, c.message), nullptr) << error.message;
}

const Refusal refusals[] = {
    {"evenWindow",
     "LocalAttention1D",
     R"({"dim": 4, "heads": 1, "dim_head": 4, "window": 4})",
     {},
     "\"window\": 4 is even"},
    {"oneWindowTooFew",
     "LocalAttention3D",
     R"({"dim": 4, "heads": 1, "dim_head": 4, "window": [3, 3]})",
     {},
     "\"window\""},
    {"unknownBorder",
     "LocalAttention2D",
     R"({"dim": 4, "heads": 1, "dim_head": 4, "window": 3, "border": "wrap"})",
     {},
     "\"border\""},
    {"wideHeads", "LocalAttention1D", R"({"dim": 4, "heads": 1, "dim_head": 257, "window": 3})", {}, "\"dim_head\""},
    {"mapNarrowerThanWindow",
     "LocalAttention2D",
     R"({"dim": 4, "heads": 1, "dim_head": 4, "window": [3, 7], "border": "neighborhood"})",
     {{"x", {1, 4, 9, 6}}},
     "shape[3] is 6"},
    {"classSmallerThanWindow",
     "LocalAttention1D",
     R"({"dim": 4, "heads": 1, "dim_head": 4, "window": 3, "dilation": 4, "border": "neighborhood"})",
     {{"x", {1, 4, 11}}},
     "the smallest has 2"},
    {"otherChannels",
     "LocalAttention2D",
     R"({"dim": 4, "heads": 1, "dim_head": 4, "window": 3})",
     {{"x", {1, 5, 9, 6}}},
     "shape[1] is 5"},
    {"deepCpb", "CPB", R"({"dim": 4, "heads": 1, "offset_groups": 1, "depth": 3})", {}, "\"depth\""},
    {"unevenGroups", "CPB", R"({"dim": 4, "heads": 3, "offset_groups": 2, "depth": 2})", {}, "\"offset_groups\": 2"},
    {"positionsOfOtherDimensions",
     "CPB",
     R"({"dim": 4, "heads": 1, "offset_groups": 1, "depth": 2})",
     {{"grid_q", {5, 3}}, {"grid_kv", {1, 5, 2}}},
     "\"grid_q\""},
    {"entriesBetweenGroups",
     "CPB",
     R"({"dim": 4, "heads": 2, "offset_groups": 2, "depth": 2})",
     {{"grid_q", {5, 2}}, {"grid_kv", {3, 5, 2}}},
     "shape[0] is 3"},
    {"oddGeglu", "GEGLU", "{}", {{"x", {2, 5}}}, "last dimension is 5"},
    {"otherScale", "Scale", "{}", {{"x", {2, 4, 5}}}, "shape[1] is 4"},
    {"inputsBetweenGroups",
     "onnx.DeformConv",
     R"({"group": 2})",
     {{"X", {1, 3, 4, 4}}, {"W", {4, 1, 1, 1}}, {"offset", {1, 2, 4, 4}}},
     "shape[1] is 3, not divisible by config \"group\": 2"},
    {"inputsBetweenOffsetGroups",
     "onnx.DeformConv",
     R"({"offset_group": 2})",
     {{"X", {1, 3, 4, 4}}, {"W", {4, 3, 1, 1}}, {"offset", {1, 4, 4, 4}}},
     "shape[1] is 3, not divisible by config \"offset_group\": 2"},
    {"outputsBetweenGroups",
     "onnx.DeformConv",
     R"({"group": 2})",
     {{"X", {1, 4, 4, 4}}, {"W", {3, 2, 1, 1}}, {"offset", {1, 2, 4, 4}}},
     "shape[0] is 3, not divisible"},
    {"kernelBeyondTheMap",
     "onnx.DeformConv",
     R"({"dilations": [2, 2], "pads": [0, 1, 0, 0]})",
     {{"X", {1, 1, 5, 3}}, {"W", {1, 1, 3, 3}}, {"offset", {1, 18, 1, 1}}},
     "shape[3] is 3, with config \"pads\" 4, less than the kernel's reach of 5"},
    {"rotaryOfOtherRank",
     "onnx.RotaryEmbedding",
     "{}",
     {{"input", {2, 8}}, {"cos_cache", {2, 5, 4}}, {"sin_cache", {2, 5, 4}}},
     "rank 2"},
    {"rotaryWithoutHeads",
     "onnx.RotaryEmbedding",
     "{}",
     {{"input", {2, 5, 8}}, {"cos_cache", {2, 5, 4}}, {"sin_cache", {2, 5, 4}}},
     "\"num_heads\": 0 must divide shape[2] = 8"},
    {"oddRotary",
     "onnx.RotaryEmbedding",
     R"({"num_heads": 1})",
     {{"input", {2, 5, 7}}, {"cos_cache", {2, 5, 3}}, {"sin_cache", {2, 5, 3}}},
     "7 rotated channels"},
    {"keysWithoutValues",
     "onnx.Attention",
     "{}",
     {{"Q", {1, 2, 3, 4}}, {"K", {1, 2, 5, 4}}, {"V", {1, 2, 6, 4}}},
     "\"K\" and \"V\" have 5 and 6 tokens"},
    {"sizesOfOtherDimensions",
     "ContinuousPositionBias",
     R"({"dim": 8, "heads": 2, "num_dims": 2, "dimensions": [3, 3, 3]})",
     {},
     "3 sizes where config \"num_dims\": 2"},
};

INSTANTIATE_TEST_SUITE_P(Modules, Refused, ::testing::ValuesIn(refusals),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace saccade::test
