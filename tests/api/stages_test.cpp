// SPDX-License-Identifier: Apache-2.0
// What a plan says of its stages, and the timestamps that a run writes around them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "host/errors.hpp"
#include "support/golden.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

// Debug labels as they are begun (their text) and ended ("-"), on their way to the driver.
std::vector<std::string> labels;
PFN_vkCmdBeginDebugUtilsLabelEXT realBegin;
PFN_vkCmdEndDebugUtilsLabelEXT realEnd;

void VKAPI_CALL beginLabel(VkCommandBuffer commandBuffer, const VkDebugUtilsLabelEXT* label) {
    labels.push_back(label->pLabelName);
    realBegin(commandBuffer, label);
}
void VKAPI_CALL endLabel(VkCommandBuffer commandBuffer) {
    labels.push_back("-");
    realEnd(commandBuffer);
}

PFN_vkVoidFunction VKAPI_CALL labelledDevice(VkDevice device, const char* name) {
    const PFN_vkVoidFunction found = vkGetDeviceProcAddr(device, name);
    if (found && name == std::string("vkCmdBeginDebugUtilsLabelEXT")) {
        realBegin = reinterpret_cast<PFN_vkCmdBeginDebugUtilsLabelEXT>(found);
        return reinterpret_cast<PFN_vkVoidFunction>(beginLabel);
    }
    if (found && name == std::string("vkCmdEndDebugUtilsLabelEXT")) {
        realEnd = reinterpret_cast<PFN_vkCmdEndDebugUtilsLabelEXT>(found);
        return reinterpret_cast<PFN_vkVoidFunction>(endLabel);
    }
    return found;
}

PFN_vkVoidFunction VKAPI_CALL labelledInstance(VkInstance instance, const char* name) {
    if (name == std::string("vkGetDeviceProcAddr"))
        return reinterpret_cast<PFN_vkVoidFunction>(labelledDevice);
    return vkGetInstanceProcAddr(instance, name);
}

class Stages : public GpuTest {
protected:
    Context context{device()};
};

TEST_F(Stages, addUpToTheProperties) {
    for (const char* name : {"deformable_1d_2", "deformable_2d_1", "dalle_attention_4", "phenaki_transformer_1",
                             "msdeform_0", "grid_sample_0"}) {
        SCOPED_TRACE(name);
        const GoldenCase golden(std::string(SACCADE_TEST_DATA "/golden/") + name + ".safetensors");
        const Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        const Plan plan(model, description);
        uint32_t dispatches = 0;
        uint64_t flops = 0, bytes = 0;
        for (const SacStageInfo& stage : plan.stages()) {
            EXPECT_GT(std::strlen(stage.name), 0u);
            EXPECT_GE(stage.dispatchCount, 1u) << stage.name;
            EXPECT_LE(stage.dispatchCount, 4u) << stage.name;
            EXPECT_GT(stage.bytes, 0u) << stage.name;
            dispatches += stage.dispatchCount;
            flops += stage.flops;
            bytes += stage.bytes;
        }
        EXPECT_EQ(dispatches, plan.properties().dispatchCount);
        EXPECT_EQ(flops, plan.properties().flops);
        EXPECT_EQ(bytes, plan.properties().bytes);
    }
}

// Bytes by hand: bindings that stand in for images that are not there do not count.
TEST_F(Stages, countEveryTensorOnceForEachDirection) {
    const std::vector<std::byte> file = makeModelFile("grid_sample", {{"dims", 2}}, {});
    const Model model(context, file);
    sac::PlanBuilder description;
    description.input("x", {1, 8, 6, 5}).input("grid", {1, 3, 2, 2}).output("y");
    const SacImageDesc image = sac::imageDesc(VK_FORMAT_R16G16_SFLOAT, 0, 2);
    description.inputs[0].imageCount = 1;
    description.inputs[0].images = &image;
    const Plan plan(model, description);
    const auto stages = plan.stages();
    ASSERT_EQ(stages.size(), 2u);
    const uint64_t pixels = 12 * 10 * 4, tokens = 6 * 5 * 8 * 4, grid = 3 * 2 * 2 * 4, sampled = 3 * 2 * 8 * 4;
    EXPECT_EQ(stages[0].bytes, pixels + tokens);
    EXPECT_EQ(stages[1].bytes, tokens + grid + sampled);
}

// The operators of the layer in their order, and a projection's numbers by hand.
TEST_F(Stages, areTheOperatorsOfTheModule) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors");
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    description.input("x", {3, 64, 37}).output("y");
    const Plan plan(model, description);
    std::vector<std::string> names;
    for (const SacStageInfo& stage : plan.stages())
        names.push_back(stage.name);
    EXPECT_EQ(names, (std::vector<std::string>{"x", "to_q", "to_offsets", "grid_sample", "to_k", "to_v", "attention",
                                               "to_out"}));
    const SacStageInfo out = plan.stages().back();
    EXPECT_EQ(out.flops, 2u * 3 * 37 * 64 * 64);
    EXPECT_EQ(out.dispatchCount, 1u);
}

class Timestamps : public GpuTest {
protected:
    Timestamps() {
        golden.describe(description);
        plan.emplace(model, description);
        buffers.emplace(device(), *plan);
        buffers->write("x", golden.inputs.at("x"));
        VkQueryPoolCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
        info.queryType = VK_QUERY_TYPE_TIMESTAMP;
        info.queryCount = queryCount = static_cast<uint32_t>(plan->stages().size()) + 3;
        host::checkVulkan(vkCreateQueryPool(device().handle(), &info, nullptr, &pool), "vkCreateQueryPool");
    }
    ~Timestamps() override { vkDestroyQueryPool(device().handle(), pool, nullptr); }

    struct Query {
        uint64_t ticks, available;
    };
    std::vector<Query> queries() const {
        std::vector<Query> out(queryCount);
        const VkResult result =
            vkGetQueryPoolResults(device().handle(), pool, 0, queryCount, queryCount * sizeof(Query), out.data(),
                                  sizeof(Query), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
        EXPECT_TRUE(result == VK_SUCCESS || result == VK_NOT_READY) << result;
        return out;
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"};
    Context context{device()};
    Model model{context, golden.bytes};
    sac::PlanBuilder description;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
    VkQueryPool pool = VK_NULL_HANDLE;
    uint32_t queryCount = 0;
};

TEST_F(Timestamps, standBeforeTheFirstStageAndAfterEach) {
    ASSERT_GT(device().timestampBits(), 0u);
    submit([&](VkCommandBuffer commandBuffer) {
        recordUpload(*plan, commandBuffer, *buffers);
        recordRun(*plan, commandBuffer, *buffers);
    });
    const std::vector<std::byte> expected = buffers->bytes("y");

    for (const uint32_t batch : {0u, 1u}) {
        SCOPED_TRACE(batch);
        std::ranges::fill(buffers->mapped("y"), std::byte{0});
        buffers->timestamps = {pool, 1, queryCount - 2};
        const host::Timing whole = Gpu::get().submitter().run([&](VkCommandBuffer commandBuffer) {
            vkCmdResetQueryPool(commandBuffer, pool, 0, queryCount);
            recordRun(*plan, commandBuffer, *buffers, batch);
        });
        const auto y = buffers->bytes("y");
        const auto written = static_cast<std::ptrdiff_t>(expected.size() / 3 * (batch ? batch : 3));
        EXPECT_TRUE(std::equal(y.begin(), y.begin() + written, expected.begin())) << "timestamps change no result";

        const std::vector<Query> all = queries();
        EXPECT_EQ(all.front().available, 0u) << "before the range";
        EXPECT_EQ(all.back().available, 0u) << "after the stages";
        double sum = 0;
        for (uint32_t i = 1; i + 1 < queryCount; ++i) {
            EXPECT_NE(all[i].available, 0u) << "query " << i;
            if (i > 1)
                sum += device().milliseconds(all[i - 1].ticks, all[i].ticks);
        }
        EXPECT_GT(sum, 0);
        EXPECT_LE(sum, whole.gpuMilliseconds) << "the command buffer's own timestamps stand around these";
    }
}

// More queries than needed are left alone; without a pool the other members mean nothing.
TEST_F(Timestamps, areWrittenWhereThereIsAPool) {
    submit([&](VkCommandBuffer commandBuffer) {
        vkCmdResetQueryPool(commandBuffer, pool, 0, queryCount);
        recordUpload(*plan, commandBuffer, *buffers);
        buffers->timestamps = {VK_NULL_HANDLE, 7, 1};
        recordRun(*plan, commandBuffer, *buffers);
    });
    for (const Query& query : queries())
        EXPECT_EQ(query.available, 0u);
    buffers->timestamps = {pool, 0, queryCount};
    submit([&](VkCommandBuffer commandBuffer) { recordRun(*plan, commandBuffer, *buffers); });
    const std::vector<Query> all = queries();
    for (uint32_t i = 0; i < queryCount; ++i)
        EXPECT_EQ(all[i].available != 0, i < queryCount - 2) << "query " << i;
}

// The plan's name around all that is recorded of it, the stages' names inside.
TEST_F(Stages, areLabelledInsideTheirPlan) {
    if (!(device().features() & SAC_FEATURE_DEBUG_UTILS_BIT))
        GTEST_SKIP() << "the instance has no VK_EXT_debug_utils";
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors");
    SacContextInfo info = host::contextInfo(device());
    info.getInstanceProcAddr = labelledInstance;
    const sac::Context labelled(info);
    const Model model(labelled.get(), golden.bytes);
    sac::PlanBuilder named, unnamed;
    named.input("x", {3, 64, 37});
    named.info.name = "upscaler";
    unnamed.input("x", {3, 64, 37});
    const Plan plan(model, named), other(model, unnamed);
    PlanBuffers buffers(device(), plan), otherBuffers(device(), other);
    const auto outermost = [] {
        std::vector<std::string> out;
        int depth = 0;
        for (const std::string& label : labels) {
            if (label != "-" && depth == 0)
                out.push_back(label);
            depth += label == "-" ? -1 : 1;
        }
        EXPECT_EQ(depth, 0) << "each label that was begun was ended";
        return out;
    };
    labels.clear();
    submit([&](VkCommandBuffer commandBuffer) {
        recordUpload(plan, commandBuffer, buffers);
        recordRun(plan, commandBuffer, buffers);
        recordUpload(other, commandBuffer, otherBuffers);
        recordRun(other, commandBuffer, otherBuffers);
    });
    EXPECT_EQ(outermost(),
              (std::vector<std::string>{"upscaler", "upscaler", "DeformableAttention1D", "DeformableAttention1D"}));
    for (const SacStageInfo& stage : plan.stages())
        EXPECT_TRUE(std::ranges::count(labels, stage.name)) << stage.name;
}

} // namespace
} // namespace saccade::test
