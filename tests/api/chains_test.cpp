// SPDX-License-Identifier: Apache-2.0
// sType and pNext: what each structure accepts, in chains and in arrays, and what queries leave alone. Without a
// device: the boundary is the same.
#include <gtest/gtest.h>

#include <vector>

#include "refused.hpp"
#include "support/gpu.hpp"
#include "support/headless.hpp"
#include "support/model_file.hpp"
#include "support/plan_buffers.hpp"

namespace saccade::test {
namespace {

constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;

class Chains : public ::testing::Test {
protected:
    Chains() { description.input("x", {1, 3, 4, 5}).input("grid", {1, 6, 7, 2}).output("y"); }

    void expectPlanRefused(const void* pNext, const char* named) {
        description.info.pNext = pNext;
        SacPlan plan = nullptr;
        SacError error = unsetError();
        expectRefused(sacCreatePlan(model, &description.get(), &plan, &error), error, invalid, named);
        EXPECT_EQ(plan, nullptr);
    }

    const SacDeviceProfile profile = desktopProfile();
    Context context{profile};
    const std::vector<std::byte> file = makeModelFile("grid_sample", {{"dims", 2}}, {});
    Model model{context, file};
    sac::PlanBuilder description;
};

TEST_F(Chains, holdWhatExtendsTheStructure) {
    SacPositionBiasInfo bias = sac::make<SacPositionBiasInfo>();
    description.info.pNext = &bias;
    const Plan plan(model, description);
    EXPECT_EQ(plan.positionBias().mode, SAC_POSITION_BIAS_MODE_AUTO) << "the module has none";
    bias.mode = static_cast<SacPositionBiasMode>(3);
    expectPlanRefused(&bias, "SacPositionBiasInfo::mode is 3");
}

TEST_F(Chains, holdNothingElse) {
    SacRunInfo run = sac::make<SacRunInfo>();
    expectPlanRefused(&run, "pNext of info has SAC_STRUCTURE_TYPE_RUN_INFO, which does not extend SacPlanInfo");
    SacPositionBiasProperties answer = sac::make<SacPositionBiasProperties>();
    expectPlanRefused(&answer, "pNext of info has SAC_STRUCTURE_TYPE_POSITION_BIAS_PROPERTIES, which does not extend "
                               "SacPlanInfo");
    SacPlanInfo same = sac::make<SacPlanInfo>();
    expectPlanRefused(&same, "pNext of info has SAC_STRUCTURE_TYPE_PLAN_INFO, which does not extend SacPlanInfo");
    SacPositionBiasInfo bias = sac::make<SacPositionBiasInfo>();
    bias.pNext = &run;
    expectPlanRefused(&bias, "SAC_STRUCTURE_TYPE_RUN_INFO");
    // Of an unknown structure nothing but its number is read: these are no larger.
    for (const int32_t number : {0, -1, 999, 0x7fffffff}) {
        const std::vector<int32_t> unknown(1, number);
        bias.pNext = nullptr;
        const std::string named = "pNext of info has a structure of sType " + std::to_string(number);
        expectPlanRefused(unknown.data(), named.c_str());
        bias.pNext = unknown.data();
        expectPlanRefused(&bias, named.c_str());
    }
}

TEST_F(Chains, holdAStructureOnceAndMayEndInARing) {
    SacPositionBiasInfo first = sac::make<SacPositionBiasInfo>(), second = first;
    first.pNext = &second;
    const char* const twice = "pNext of info has SAC_STRUCTURE_TYPE_POSITION_BIAS_INFO twice";
    expectPlanRefused(&first, twice);
    second.pNext = &first;
    expectPlanRefused(&first, twice);
    first.pNext = &first;
    expectPlanRefused(&first, twice);
    first.pNext = &description.info; // back to the beginning
    expectPlanRefused(&first, "SAC_STRUCTURE_TYPE_PLAN_INFO, which does not extend SacPlanInfo");
}

TEST_F(Chains, ofInputsAreCheckedByIndex) {
    SacPlan plan = nullptr;
    SacError error = unsetError();
    description.inputs[1].sType = SAC_STRUCTURE_TYPE_TENSOR_INFO;
    expectRefused(sacCreatePlan(model, &description.get(), &plan, &error), error, invalid,
                  "sType of info->inputs[1] is 16, it must be SAC_STRUCTURE_TYPE_TENSOR_DESC");
    description.inputs[1].sType = SAC_STRUCTURE_TYPE_TENSOR_DESC;
    description.outputs[0].pNext = &description.inputs[0];
    expectRefused(sacCreatePlan(model, &description.get(), &plan, &error), error, invalid,
                  "pNext of info->outputs[0] has SAC_STRUCTURE_TYPE_TENSOR_DESC, which does not extend SacTensorDesc");
}

// Fills all but the last element's sType: nothing may be written. Then right ones, of which the first has a chain.
template <class Item>
void expectElementsChecked(SacPlan plan, SacResult(VKAPI_PTR* query)(SacPlan, uint32_t*, Item*, SacError*),
                           const std::string& array) {
    uint32_t count = 0;
    ASSERT_EQ(query(plan, &count, nullptr, nullptr), SAC_SUCCESS);
    std::vector<Item> items(count, sac::make<Item>());
    const std::string last = array + "[" + std::to_string(count - 1) + "]";
    items.back().sType = {};
    SacError error = unsetError();
    expectRefused(query(plan, &count, items.data(), &error), error, invalid, ("sType of " + last + " is 0").c_str());
    EXPECT_EQ(items[0].name, nullptr) << "nothing is written";
    items.back() = sac::make<Item>();
    Item other = sac::make<Item>();
    items.back().pNext = &other;
    expectRefused(query(plan, &count, items.data(), &error), error, invalid,
                  ("pNext of " + last + " has SAC_").c_str());
    EXPECT_EQ(items[0].name, nullptr);
    items.back().pNext = nullptr;
    items.push_back(Item{}); // beyond what there is: not looked at
    count = static_cast<uint32_t>(items.size());
    EXPECT_EQ(query(plan, &count, items.data(), &error), SAC_SUCCESS) << error.message;
    EXPECT_EQ(count + 1, items.size());
    for (uint32_t i = 0; i < count; ++i) {
        EXPECT_EQ(items[i].sType, sac::structureType<Item>);
        EXPECT_NE(items[i].name, nullptr);
    }
    EXPECT_EQ(items.back().sType, 0);
}

TEST_F(Chains, ofAnswersInArraysAreCheckedBeforeAnyIsWritten) {
    const Plan plan(model, description);
    expectElementsChecked<SacTensorInfo>(plan, sacGetPlanTensors, "infos");
    expectElementsChecked<SacStageInfo>(plan, sacGetPlanStages, "infos");
    expectElementsChecked<SacMemoryPart>(plan, sacGetPlanMemoryParts, "parts");
}

TEST_F(Chains, ofAnswersStayAsTheyAre) {
    const Plan plan(model, description);
    SacPlanProperties properties = sac::make<SacPlanProperties>();
    SacPositionBiasProperties bias = sac::make<SacPositionBiasProperties>();
    bias.tableError = 7;
    properties.pNext = &bias;
    ASSERT_EQ(sacGetPlanProperties(plan, &properties, nullptr), SAC_SUCCESS);
    EXPECT_EQ(properties.sType, SAC_STRUCTURE_TYPE_PLAN_PROPERTIES);
    EXPECT_EQ(properties.pNext, &bias);
    EXPECT_GT(properties.dispatchCount, 0u);
    EXPECT_EQ(bias.sType, SAC_STRUCTURE_TYPE_POSITION_BIAS_PROPERTIES);
    EXPECT_EQ(bias.pNext, nullptr);
    EXPECT_EQ(bias.tableError, 0) << "it was filled";

    SacError error = unsetError();
    SacMemoryRequirements memory{};
    expectRefused(sacGetPlanMemory(plan, SAC_MEMORY_WORKSPACE, &memory, &error), error, invalid,
                  "sType of requirements is 0, it must be SAC_STRUCTURE_TYPE_MEMORY_REQUIREMENTS");
    SacPositionBiasInfo info = sac::make<SacPositionBiasInfo>();
    properties.pNext = &info;
    expectRefused(sacGetPlanProperties(plan, &properties, &error), error, invalid,
                  "pNext of properties has SAC_STRUCTURE_TYPE_POSITION_BIAS_INFO, which does not extend "
                  "SacPlanProperties");
}

} // namespace
} // namespace saccade::test
