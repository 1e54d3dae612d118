// SPDX-License-Identifier: Apache-2.0
// Wrong arguments of sacCreatePlan and of the questions a plan answers; cancelling.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "refused.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

class PlanArguments : public GpuTest {
protected:
    void expectPlanRefused(SacModel of, sac::PlanBuilder& description, SacResult result, const char* named) {
        SacPlan plan = reinterpret_cast<SacPlan>(this);
        SacError error = unsetError();
        expectRefused(sacCreatePlan(of, &description.get(), &plan, &error), error, result, named);
        EXPECT_EQ(plan, nullptr);
        EXPECT_EQ(sacCreatePlan(of, &description.get(), &plan, nullptr), result);
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"};
    const reference::Shape shape{3, 64, 37};
    Context context{device()};
    Model model{context, golden.bytes};
};

TEST_F(PlanArguments, nameWhatIsWrong) {
    using D = sac::PlanBuilder;
    constexpr SacPositionBiasMode automatic = SAC_POSITION_BIAS_MODE_AUTO;
    const int other = 0;
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    const auto enumeration = [](auto value, int other) { return static_cast<decltype(value)>(other); };
    const std::vector<Wrong<D>> cases = {
        {"sType", [](D& d) { d.info.sType = SAC_STRUCTURE_TYPE_RUN_INFO; }, invalid,
         "sType of info is 8, it must be SAC_STRUCTURE_TYPE_PLAN_INFO"},
        {"pNext", [&](D& d) { d.info.pNext = &other; }, invalid, "pNext of info"},
        {"unknown flag", [](D& d) { d.info.flags = 0x100; }, invalid, "info->flags"},
        {"input without a name", [](D& d) { d.inputs[0].name = nullptr; }, invalid, "info->inputs[0].name"},
        {"input of no type", [&](D& d) { d.inputs[0].dataType = enumeration(SAC_DATA_TYPE_BOOL, 77); }, invalid,
         "info->inputs[0].dataType"},
        {"input of no layout", [&](D& d) { d.inputs[0].layout = enumeration(SAC_LAYOUT_CONTIGUOUS, 2); }, invalid,
         "info->inputs[0].layout"},
        {"rank beyond the limit", [](D& d) { d.inputs[0].rank = SAC_MAX_RANK + 1; }, invalid, "info->inputs[0].rank"},
        {"empty dimension", [](D& d) { d.inputs[0].shape[2] = 0; }, invalid, "shape[2]"},
        {"huge dimension", [](D& d) { d.inputs[0].shape[0] = uint64_t(1) << 40; }, invalid, "shape[0]"},
        {"huge product", [](D& d) { d.inputs[0].shape[0] = d.inputs[0].shape[2] = uint64_t(1) << 31; }, invalid,
         "shape[1]"},
        {"input given twice", [](D& d) { d.inputs.push_back(d.inputs[0]); }, invalid, "\"x\""},
        {"unknown input",
         [](D& d) {
             d.input("z", {1, 2});
         },
         invalid, "\"z\""},
        {"input missing", [](D& d) { d.inputs.clear(); }, invalid, "\"x\""},
        {"wrong rank", [](D& d) { d.inputs[0].rank = 2; }, invalid, "\"x\" has rank 2"},
        {"no rank", [](D& d) { d.inputs[0].rank = 0; }, invalid, "\"x\" has rank 0"},
        {"wrong channels", [](D& d) { d.inputs[0].shape[1] = 63; }, invalid, "shape[1] is 63"},
        {"too short for the kernel", [](D& d) { d.inputs[0].shape[2] = 3; }, invalid, "shape[2] is 3"},
        {"input of another type", [](D& d) { d.inputs[0].dataType = SAC_DATA_TYPE_INT32; }, invalid, "\"x\""},
        {"output without a name", [](D& d) { d.outputs[1].name = nullptr; }, invalid, "info->outputs[1].name"},
        {"output of no type", [&](D& d) { d.outputs[0].dataType = enumeration(SAC_DATA_TYPE_BOOL, -1); }, invalid,
         "info->outputs[0].dataType"},
        {"output of no layout", [&](D& d) { d.outputs[1].layout = enumeration(SAC_LAYOUT_CONTIGUOUS, 9); }, invalid,
         "info->outputs[1].layout"},
        {"output asked for twice", [](D& d) { d.outputs.push_back(d.outputs[0]); }, invalid, "\"y\""},
        {"unknown output", [](D& d) { d.output("z"); }, invalid, "\"z\""},
        {"output of another type", [](D& d) { d.outputs[0].dataType = SAC_DATA_TYPE_INT64; }, invalid, "\"y\""},
        {"vgrid in half", [](D& d) { d.outputs[1].dataType = SAC_DATA_TYPE_UINT8; }, invalid, "\"vgrid\""},
        {"vgrid with channels last", [](D& d) { d.outputs[1].layout = SAC_LAYOUT_CHANNELS_LAST; }, invalid,
         "\"vgrid\""},
        {"options no JSON", [](D& d) { d.info.options = "{x}"; }, SAC_ERROR_INVALID_CONFIG, "info->options"},
        {"options no object", [](D& d) { d.info.options = "3"; }, SAC_ERROR_INVALID_CONFIG, ""},
        {"unknown option", [](D& d) { d.info.options = R"({"speed": 3})"; }, SAC_ERROR_INVALID_CONFIG, "speed"},
        {"precision", [&](D& d) { d.info.precision = enumeration(SAC_PRECISION_FLOAT16, 3); }, invalid,
         "info->precision"},
        {"position bias", [&](D& d) { d.positionBias(enumeration(SAC_POSITION_BIAS_MODE_AUTO, 3)); }, invalid,
         "SacPositionBiasInfo::mode is 3"},
        {"tolerance NaN", [](D& d) { d.positionBias(automatic, std::nanf("")); }, invalid,
         "SacPositionBiasInfo::tolerance"},
        {"tolerance negative", [](D& d) { d.positionBias(automatic, -1e-4f); }, invalid,
         "SacPositionBiasInfo::tolerance"},
        {"tolerance above 1", [](D& d) { d.positionBias(automatic, 1.5f); }, invalid, "SacPositionBiasInfo::tolerance"},
        {"too many runs in flight", [](D& d) { d.info.maxRunsInFlight = 4097; }, invalid, "info->maxRunsInFlight"},
        {"table beyond the limit", [](D& d) { d.positionBias(SAC_POSITION_BIAS_MODE_TABLE, 0, 16); },
         SAC_ERROR_UNSUPPORTED, "16 bytes"},
        {"beyond the device's limits",
         [](D& d) {
             d.inputs[0].shape[0] = 1;
             d.inputs[0].shape[2] = 1 << 23;
         },
         SAC_ERROR_UNSUPPORTED, "the device's"},
        {"beyond what a position tells apart",
         [](D& d) {
             d.inputs[0].shape[0] = 1;
             d.inputs[0].shape[2] = 1 << 24;
         },
         SAC_ERROR_UNSUPPORTED, "2^24"},
    };
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        sac::PlanBuilder description;
        description.input("x", shape).output("y").output("vgrid");
        wrong.spoil(description);
        expectPlanRefused(model, description, wrong.result, wrong.named);
    }

    sac::PlanBuilder description;
    description.input("x", shape);
    SacPlanInfo arrayless = description.get();
    SacPlan plan = nullptr;
    SacError error = unsetError();
    arrayless.inputs = nullptr;
    expectRefused(sacCreatePlan(model, &arrayless, &plan, &error), error, invalid, "info->inputs");
    arrayless = description.get();
    arrayless.outputCount = 1;
    arrayless.outputs = nullptr;
    expectRefused(sacCreatePlan(model, &arrayless, &plan, &error), error, invalid, "info->outputs");
    expectRefused(sacCreatePlan(nullptr, &description.get(), &plan, &error), error, invalid, "model");
    expectRefused(sacCreatePlan(model, nullptr, &plan, &error), error, invalid, "info");
    expectRefused(sacCreatePlan(model, &description.get(), nullptr, &error), error, invalid, "plan");
}

TEST_F(PlanArguments, onlyTheNamesOfOutputsAreRead) {
    sac::PlanBuilder description;
    description.input("x", shape).output("y");
    description.outputs[0].rank = 99;
    description.outputs[0].shape[0] = 0;
    const Plan plan(model, description);
    EXPECT_EQ(plan.tensors().at(1).shape[2], 37u);
}

TEST_F(PlanArguments, halfNeedsTheFeature) {
    const Context plain(device(), nullptr, SAC_FEATURE_STORAGE_16BIT_BIT);
    const Model of(plain, golden.bytes);
    sac::PlanBuilder description;
    description.input("x", shape);
    description.info.precision = SAC_PRECISION_FLOAT16;
    expectPlanRefused(of, description, SAC_ERROR_UNSUPPORTED, "info->precision");
    description.info.precision = SAC_PRECISION_FLOAT16_IF_SUPPORTED;
    EXPECT_EQ(Plan(of, description).properties().precision, SAC_PRECISION_FLOAT32);
    description.inputs[0].dataType = SAC_DATA_TYPE_FLOAT16;
    expectPlanRefused(of, description, SAC_ERROR_UNSUPPORTED, "info->inputs[0].dataType");
}

TEST_F(PlanArguments, gridSampleNamesItsInputs) {
    SacModelInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    info.module = "grid_sample";
    info.config = R"({"dims": 2})";
    const Model sampler(context, info);
    sac::PlanBuilder batches, axes, types, layout;
    batches.input("x", {2, 3, 4, 5}).input("grid", {1, 6, 7, 2});
    expectPlanRefused(sampler, batches, SAC_ERROR_INVALID_ARGUMENT, "\"grid\": shape[0]");
    axes.input("x", {2, 3, 4, 5}).input("grid", {2, 6, 7, 3});
    expectPlanRefused(sampler, axes, SAC_ERROR_INVALID_ARGUMENT, "\"grid\": shape[3]");
    types.input("x", {2, 3, 4, 5}).input("grid", {2, 6, 7, 2}, SAC_DATA_TYPE_INT32);
    expectPlanRefused(sampler, types, SAC_ERROR_INVALID_ARGUMENT, "\"grid\"");
    layout.input("x", {2, 3, 4, 5}).input("grid", {2, 6, 7, 2}, SAC_DATA_TYPE_DEFAULT, SAC_LAYOUT_CHANNELS_LAST);
    expectPlanRefused(sampler, layout, SAC_ERROR_INVALID_ARGUMENT, "\"grid\"");
}

TEST_F(PlanArguments, questionsNameWhatIsWrong) {
    sac::PlanBuilder description;
    description.input("x", shape).output("y").output("vgrid");
    const Plan plan(model, description);
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    SacError error = unsetError();
    SacMemoryRequirements memory = sac::make<SacMemoryRequirements>();
    expectRefused(sacGetPlanMemory(nullptr, SAC_MEMORY_WEIGHTS, &memory, &error), error, invalid, "plan");
    expectRefused(sacGetPlanMemory(plan, SAC_MEMORY_WEIGHTS, nullptr, &error), error, invalid, "requirements");
    expectRefused(sacGetPlanMemory(plan, SAC_MEMORY_KIND_COUNT, &memory, &error), error, invalid, "kind is 6");
    expectRefused(sacGetPlanMemory(plan, static_cast<SacMemoryKind>(-1), &memory, &error), error, invalid,
                  "kind is -1");

    uint32_t count = 2;
    std::vector<SacTensorInfo> infos(3, sac::make<SacTensorInfo>());
    expectRefused(sacGetPlanTensors(nullptr, &count, infos.data(), &error), error, invalid, "plan");
    expectRefused(sacGetPlanTensors(plan, nullptr, infos.data(), &error), error, invalid, "count");
    expectRefused(sacGetPlanTensors(plan, &count, infos.data(), &error), error, invalid, "*count is 2");
    EXPECT_EQ(sacGetPlanTensors(plan, &count, nullptr, nullptr), SAC_SUCCESS);
    EXPECT_EQ(count, 3u);

    const uint32_t stageCount = static_cast<uint32_t>(plan.stages().size());
    std::vector<SacStageInfo> stages(stageCount, sac::make<SacStageInfo>());
    count = stageCount - 1;
    expectRefused(sacGetPlanStages(nullptr, &count, stages.data(), &error), error, invalid, "plan");
    expectRefused(sacGetPlanStages(plan, nullptr, stages.data(), &error), error, invalid, "count");
    expectRefused(sacGetPlanStages(plan, &count, stages.data(), &error), error, invalid, "stages");
    EXPECT_EQ(stages[0].name, nullptr) << "nothing is written";
    count = stageCount + 3; // more than there are: their elements are not looked at
    EXPECT_EQ(sacGetPlanStages(plan, &count, stages.data(), nullptr), SAC_SUCCESS);
    EXPECT_EQ(count, stageCount);

    const uint32_t partCount = static_cast<uint32_t>(plan.memoryParts().size());
    std::vector<SacMemoryPart> parts(partCount, sac::make<SacMemoryPart>());
    count = partCount - 1;
    expectRefused(sacGetPlanMemoryParts(nullptr, &count, parts.data(), &error), error, invalid, "plan");
    expectRefused(sacGetPlanMemoryParts(plan, nullptr, parts.data(), &error), error, invalid, "count");
    expectRefused(sacGetPlanMemoryParts(plan, &count, parts.data(), &error), error, invalid, "memory parts");
    EXPECT_EQ(parts[0].name, nullptr) << "nothing is written";

    SacPlanProperties properties{};
    expectRefused(sacGetPlanProperties(plan, &properties, &error), error, invalid, "sType of properties");
    properties.sType = SAC_STRUCTURE_TYPE_PLAN_PROPERTIES;
    properties.pNext = &count;
    expectRefused(sacGetPlanProperties(plan, &properties, &error), error, invalid, "pNext of properties");
    expectRefused(sacGetPlanProperties(plan, nullptr, &error), error, invalid, "properties");
    properties.pNext = nullptr;
    expectRefused(sacGetPlanProperties(nullptr, &properties, &error), error, invalid, "plan");
}

// The order is the request's, whatever order the module works in.
TEST_F(PlanArguments, tensorsHaveTheOrderOfTheRequest) {
    const auto names = [](const Plan& plan) {
        std::vector<std::string> out;
        for (const SacTensorInfo& tensor : plan.tensors())
            out.push_back(tensor.name);
        return out;
    };
    using Names = std::vector<std::string>;
    for (const Names& outputs : {Names{"y", "vgrid", "attention"}, Names{"attention", "y", "vgrid"}, Names{"vgrid"}}) {
        sac::PlanBuilder description;
        description.input("x", shape);
        for (const std::string& output : outputs)
            description.output(output);
        Names expected{"x"};
        expected.insert(expected.end(), outputs.begin(), outputs.end());
        EXPECT_EQ(names(Plan(model, description)), expected);
    }
    sac::PlanBuilder usual, gridFirst;
    usual.input("x", shape);
    EXPECT_EQ(names(Plan(model, usual)), (Names{"x", "y"}));
    SacModelInfo info = sac::make<SacModelInfo>();
    info.module = "grid_sample";
    info.config = R"({"dims": 2})";
    const Model sampler(context, info);
    gridFirst.input("grid", {2, 6, 7, 2}).input("x", {2, 3, 4, 5});
    EXPECT_EQ(names(Plan(sampler, gridFirst)), (Names{"grid", "x", "y"}));
}

TEST_F(PlanArguments, answers) {
    sac::PlanBuilder description;
    description.input("x", shape).output("vgrid").output("y", SAC_DATA_TYPE_DEFAULT, SAC_LAYOUT_CHANNELS_LAST);
    const Plan plan(model, description);
    const std::vector<SacTensorInfo> tensors = plan.tensors();
    ASSERT_EQ(tensors.size(), 3u);
    EXPECT_STREQ(tensors[0].name, "x");
    EXPECT_EQ(tensors[0].flags, static_cast<SacTensorFlags>(SAC_TENSOR_INPUT_BIT));
    EXPECT_EQ(tensors[0].size, 3u * 64 * 37 * 4);
    for (const SacTensorInfo& tensor : tensors) {
        EXPECT_EQ(tensor.dataType, SAC_DATA_TYPE_FLOAT32);
        const bool isY = !std::strcmp(tensor.name, "y");
        EXPECT_EQ(tensor.layout, isY ? SAC_LAYOUT_CHANNELS_LAST : SAC_LAYOUT_CONTIGUOUS);
    }
    const SacPlanProperties properties = plan.properties();
    EXPECT_GT(properties.dispatchCount, 5u);
    EXPECT_GT(properties.flops, 0u);
    EXPECT_GT(properties.bytes, 0u);
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
        const SacMemoryRequirements memory = plan.memory(static_cast<SacMemoryKind>(kind));
        EXPECT_NE(memory.memoryTypeBits, 0u);
        EXPECT_NE(memory.usage, 0u);
        EXPECT_EQ(memory.alignment & (memory.alignment - 1), 0u);
    }
}

TEST_F(PlanArguments, modelOutlivesItsPlans) {
    sac::PlanBuilder description;
    description.input("x", shape);
    const Plan plan(model, description);
    sacDestroyModel(model);
    sacDestroyContext(context);
    ASSERT_EQ(context.errors().size(), 2u);
    EXPECT_NE(context.errors()[0].find("1 plans"), std::string::npos) << context.errors()[0];
    EXPECT_NE(context.errors()[1].find("1 models"), std::string::npos) << context.errors()[1];
    EXPECT_GT(plan.properties().dispatchCount, 0u) << "nothing was destroyed";
}

struct Stop {
    uint32_t after, calls = 0, last = 0, total = 0;
};

VkBool32 stop(void* userData, uint32_t done, uint32_t total) {
    Stop& state = *static_cast<Stop*>(userData);
    EXPECT_GE(total, 1u);
    EXPECT_LE(done, total);
    EXPECT_GE(done, state.last);
    EXPECT_TRUE(total == state.total || state.last == 0) << "known from the first counted step on";
    state.last = done;
    state.total = total;
    return ++state.calls <= state.after ? VK_TRUE : VK_FALSE;
}

TEST_F(PlanArguments, cancelledAtEveryStep) {
    sac::PlanBuilder description;
    description.input("x", shape);
    description.info.flags = SAC_PLAN_CONDITIONAL_BIT; // its pipeline counts too
    description.info.progress = stop;
    for (uint32_t after = 0;; ++after) {
        ASSERT_LT(after, 1000u);
        Stop state{after};
        description.info.progressUserData = &state;
        SacPlan plan = nullptr;
        SacError error = unsetError();
        const Model fresh(context, golden.bytes); // one that remembers no table takes the same steps each time
        const SacResult result = sacCreatePlan(fresh, &description.get(), &plan, &error);
        if (result == SAC_SUCCESS) {
            EXPECT_EQ(state.calls, after);
            EXPECT_GE(state.calls, state.total) << "once for each dispatch";
            EXPECT_EQ(state.last, state.total);
            EXPECT_GT(state.total, 1u);
            sacDestroyPlan(plan);
            break;
        }
        expectRefused(result, error, SAC_ERROR_CANCELLED, "cancelled");
        EXPECT_EQ(plan, nullptr);
    }
}

// A model and a context are in use from before their child is made: no callback on the way can end them.
TEST_F(PlanArguments, parentsOutliveTheMakingOfChildren) {
    struct Parents {
        SacContext context;
        SacModel model;
        uint32_t tries = 0;
    } parents{context, model};
    sac::PlanBuilder description;
    description.input("x", shape);
    description.info.progressUserData = &parents;
    description.info.progress = [](void* data, uint32_t, uint32_t) -> VkBool32 {
        Parents& p = *static_cast<Parents*>(data);
        sacDestroyModel(p.model);
        sacDestroyContext(p.context);
        return ++p.tries < 3;
    };
    SacPlan plan = nullptr;
    SacError error = unsetError();
    expectRefused(sacCreatePlan(model, &description.get(), &plan, &error), error, SAC_ERROR_CANCELLED, "cancelled");
    EXPECT_EQ(parents.tries, 3u);
    EXPECT_EQ(
        std::ranges::count(context.errors(), "model still has 1 plans, destroy them before it: nothing is destroyed"),
        3);
    EXPECT_EQ(std::ranges::count(context.errors(),
                                 "context still has 1 models, destroy them before it: nothing is destroyed"),
              3);
    SacModel other = nullptr; // refused: the count of models went back
    EXPECT_NE(sacCreateModel(context, nullptr, &other, nullptr), SAC_SUCCESS);
}

} // namespace
} // namespace saccade::test
