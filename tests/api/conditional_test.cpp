// SPDX-License-Identifier: Apache-2.0
// Runs that a number in device memory switches: on they are the ordinary run bit by bit, off they leave no trace.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "host/errors.hpp"
#include "refused.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::byte untouched{0xa5};

// A golden case as a conditional plan with buffers, and the number that switches it.
struct Switched {
    Switched(
        const host::Device& device, SacModel model, const GoldenCase& golden, uint32_t maxRunsInFlight = 0,
        void (*change)(sac::PlanBuilder&) = [](sac::PlanBuilder&) {})
        : number(device, 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                 host::BufferMemory::readback) {
        golden.describe(description);
        change(description);
        description.info.flags = SAC_PLAN_CONDITIONAL_BIT;
        description.info.maxRunsInFlight = maxRunsInFlight;
        plan.emplace(model, description);
        buffers.emplace(device, *plan);
        for (const auto& [name, values] : golden.inputs)
            buffers->write(name, values);
        buffers->enable = number.range();
    }

    void set(uint32_t value) { std::memcpy(number.mapped().data(), &value, sizeof(value)); }
    void clear() { std::ranges::fill(buffers->mapped("y"), untouched); }
    bool isClear() {
        return std::ranges::all_of(buffers->mapped("y"), [](std::byte b) { return b == untouched; });
    }

    sac::PlanBuilder description;
    host::Buffer number;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
};

// What the header asks for between two calls that share a workspace, and no more.
void computeBarrier(VkCommandBuffer commandBuffer) {
    const VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT,
                                  VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
    vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0,
                         1, &barrier, 0, nullptr, 0, nullptr);
}

class Conditional : public GpuTest {
protected:
    // An ordinary plan's result.
    static Bytes ordinary(SacModel model, const GoldenCase& golden) {
        sac::PlanBuilder description;
        golden.describe(description);
        const Plan plan(model, description);
        PlanBuffers buffers(device(), plan);
        for (const auto& [name, values] : golden.inputs)
            buffers.write(name, values);
        submit([&](VkCommandBuffer commandBuffer) {
            recordUpload(plan, commandBuffer, buffers);
            recordRun(plan, commandBuffer, buffers);
        });
        return buffers.bytes("y");
    }
    static void upload(Switched& one) {
        submit([&](VkCommandBuffer commandBuffer) { recordUpload(*one.plan, commandBuffer, *one.buffers); });
    }
    static void run(Switched& one, uint32_t batch = 0) {
        submit([&](VkCommandBuffer commandBuffer) { recordRun(*one.plan, commandBuffer, *one.buffers, batch); });
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"}; // a batch of 3
    Context context{device()};
    Model model{context, golden.bytes};
};

// Each has another number of dispatches, the transformer's more than one dispatch of the switch holds.
TEST_F(Conditional, onIsTheOrdinaryRunAndOffIsNone) {
    uint32_t most = 0;
    for (const char* name : {"deformable_1d_2", "phenaki_transformer_1", "grid_sample_0"}) {
        SCOPED_TRACE(name);
        const GoldenCase each(std::string(SACCADE_TEST_DATA "/golden/") + name + ".safetensors");
        const Model of(context, each.bytes);
        const Bytes expected = ordinary(of, each);
        Switched one(device(), of, each);
        most = std::max(most, one.plan->properties().dispatchCount);
        upload(one);
        for (const uint32_t value : {0u, 1u, 0x80000000u, 0u}) {
            SCOPED_TRACE(value);
            one.set(value);
            one.clear();
            std::ranges::fill(one.buffers->mapped(SAC_MEMORY_WORKSPACE), std::byte{0xff});
            run(one);
            if (value)
                EXPECT_EQ(one.buffers->bytes("y"), expected);
            else
                EXPECT_TRUE(one.isClear());
        }
    }
    EXPECT_GT(most, 20u);
}

TEST_F(Conditional, smallerBatches) {
    const Bytes expected = ordinary(model, golden);
    Switched one(device(), model, golden);
    upload(one);
    for (const uint32_t batch : {1u, 2u, 3u}) {
        SCOPED_TRACE(batch);
        one.clear();
        one.set(0);
        run(one, batch);
        EXPECT_TRUE(one.isClear());
        one.set(1);
        run(one, batch);
        const Bytes y = one.buffers->bytes("y");
        const auto entries = static_cast<std::ptrdiff_t>(expected.size() / 3 * batch);
        EXPECT_TRUE(std::equal(y.begin(), y.begin() + entries, expected.begin()));
        EXPECT_TRUE(std::all_of(y.begin() + entries, y.end(), [](std::byte b) { return b == untouched; }));
    }
}

// A cache keeps what it holds, whatever the run's other inputs say, also one that comes by value.
TEST_F(Conditional, offLeavesTheState) {
    const GoldenCase dalle(SACCADE_TEST_DATA "/golden/dalle_attention_4.safetensors");
    SacModelInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    info.data = dalle.bytes.data();
    info.size = dalle.bytes.size();
    info.config = "{\"cache_steps\": [24]}";
    const Model of(context, info);
    Switched one(device(), of, dalle, 0, [](sac::PlanBuilder& d) {
        d.input("offset", {1}, SAC_DATA_TYPE_INT32);
        d.info.options = "{\"cache\": true}";
    });
    const int32_t offset = 0;
    one.buffers->binding("offset").buffer = {};
    one.buffers->binding("offset").value = &offset;
    ASSERT_GT(one.plan->memory(SAC_MEMORY_STATE).size, 0u);
    const auto state = one.buffers->mapped(SAC_MEMORY_STATE);
    const auto isClear = [&] { return std::ranges::all_of(state, [](std::byte b) { return b == untouched; }); };
    std::ranges::fill(state, untouched);
    one.clear();
    upload(one);
    one.set(0);
    run(one);
    EXPECT_TRUE(isClear());
    EXPECT_TRUE(one.isClear());
    one.set(1);
    run(one);
    EXPECT_FALSE(isClear()) << "a run does write it";
    EXPECT_FALSE(one.isClear());
}

// Recorded once, submitted again and again; the device itself changes the number in between.
TEST_F(Conditional, replayReadsTheNumberAgain) {
    const Bytes expected = ordinary(model, golden);
    Switched one(device(), model, golden);
    upload(one);
    const VkCommandPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0,
                                           device().queueFamily()};
    VkCommandPool pool = VK_NULL_HANDLE;
    host::checkVulkan(vkCreateCommandPool(device().handle(), &poolInfo, nullptr, &pool), "vkCreateCommandPool");
    const VkCommandBufferAllocateInfo allocateInfo{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool,
                                                   VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
    VkCommandBuffer recorded = VK_NULL_HANDLE;
    host::checkVulkan(vkAllocateCommandBuffers(device().handle(), &allocateInfo, &recorded),
                      "vkAllocateCommandBuffers");
    const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, 0, nullptr};
    host::checkVulkan(vkBeginCommandBuffer(recorded, &begin), "vkBeginCommandBuffer");
    host::fullBarrier(recorded);
    recordRun(*one.plan, recorded, *one.buffers);
    host::checkVulkan(vkEndCommandBuffer(recorded), "vkEndCommandBuffer");

    for (const uint32_t value : {1u, 0u, 0u, 7u, 0u}) {
        SCOPED_TRACE(value);
        one.clear();
        submit([&](VkCommandBuffer commandBuffer) {
            vkCmdUpdateBuffer(commandBuffer, one.number.handle(), 0, sizeof(value), &value);
            host::fullBarrier(commandBuffer);
        });
        VkSubmitInfo submission{};
        submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
        submission.commandBufferCount = 1;
        submission.pCommandBuffers = &recorded;
        host::checkVulkan(vkQueueSubmit(device().queue(), 1, &submission, VK_NULL_HANDLE), "vkQueueSubmit");
        host::checkVulkan(vkQueueWaitIdle(device().queue()), "vkQueueWaitIdle");
        if (value)
            EXPECT_EQ(one.buffers->bytes("y"), expected);
        else
            EXPECT_TRUE(one.isClear());
    }
    vkDestroyCommandPool(device().handle(), pool, nullptr);
}

// Runs of two plans in one command buffer with one workspace, the number changed between them. The barriers are those
// that the header asks for.
TEST_F(Conditional, runsFollowEachOtherOnOneWorkspace) {
    const Bytes expected = ordinary(model, golden);
    Switched one(device(), model, golden);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plain(model, description);
    PlanBuffers buffers(device(), plain);
    buffers.write("x", golden.inputs.at("x"));
    for (const SacMemoryKind kind : {SAC_MEMORY_WEIGHTS, SAC_MEMORY_TABLES, SAC_MEMORY_WORKSPACE})
        buffers.share(kind, one.buffers->range(kind));
    ASSERT_GE(one.plan->memory(SAC_MEMORY_WORKSPACE).size, plain.memory(SAC_MEMORY_WORKSPACE).size);
    upload(one);
    submit([&](VkCommandBuffer commandBuffer) { recordUpload(plain, commandBuffer, buffers); });
    one.clear();
    submit([&](VkCommandBuffer commandBuffer) {
        const auto record = [&](SacPlan plan, const PlanBuffers& bound) {
            const SacRunInfo info = bound.runInfo();
            SacError error{};
            EXPECT_EQ(sacCmdRun(plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
        };
        for (const uint32_t value : {0u, 1u, 0u}) {
            vkCmdUpdateBuffer(commandBuffer, one.number.handle(), 0, sizeof(value), &value);
            const VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                                          VK_ACCESS_SHADER_READ_BIT};
            vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0,
                                 1, &barrier, 0, nullptr, 0, nullptr);
            record(*one.plan, *one.buffers);
            computeBarrier(commandBuffer);
            record(plain, buffers);
            computeBarrier(commandBuffer);
            record(*one.plan, *one.buffers);
            // The number is written again after it is read, and after it was written before.
            const VkMemoryBarrier again{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                                        VK_ACCESS_TRANSFER_WRITE_BIT};
            vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                                 VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &again, 0, nullptr, 0, nullptr);
            computeBarrier(commandBuffer);
        }
        host::fullBarrier(commandBuffer);
    });
    EXPECT_EQ(one.buffers->bytes("y"), expected) << "the last runs did nothing to it";
    EXPECT_EQ(buffers.bytes("y"), expected);
}

TEST_F(Conditional, withoutPushDescriptors) {
    const Bytes expected = ordinary(model, golden);
    host::DeviceOptions options;
    options.pushDescriptors = false;
    const host::Device pushless(Gpu::get().instance(), device().physical(), options);
    host::Submitter submitter(pushless);
    Context other(pushless);
    const Model there(other, golden.bytes);
    Switched one(pushless, there, golden, 2);
    submitter.run([&](VkCommandBuffer commandBuffer) { recordUpload(*one.plan, commandBuffer, *one.buffers); });
    for (const uint32_t value : {1u, 0u, 1u, 1u, 0u}) { // the ring of two comes around
        SCOPED_TRACE(value);
        one.set(value);
        one.clear();
        submitter.run([&](VkCommandBuffer commandBuffer) { recordRun(*one.plan, commandBuffer, *one.buffers); });
        if (value)
            EXPECT_EQ(one.buffers->bytes("y"), expected);
        else
            EXPECT_TRUE(one.isClear());
    }
}

TEST_F(Conditional, theWorkspaceHoldsTheCommands) {
    Switched one(device(), model, golden);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plain(model, description);
    constexpr VkBufferUsageFlags indirect = VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    EXPECT_TRUE(one.plan->memory(SAC_MEMORY_WORKSPACE).usage & indirect);
    EXPECT_FALSE(plain.memory(SAC_MEMORY_WORKSPACE).usage & indirect);
    EXPECT_GE(one.plan->memory(SAC_MEMORY_WORKSPACE).size,
              plain.memory(SAC_MEMORY_WORKSPACE).size +
                  plain.properties().dispatchCount * sizeof(VkDispatchIndirectCommand));
    EXPECT_EQ(one.plan->properties().dispatchCount, plain.properties().dispatchCount);
    EXPECT_EQ(one.plan->properties().pipelineCount, plain.properties().pipelineCount + 1);
}

TEST_F(Conditional, wrongArgumentsAreNamed) {
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    Switched one(device(), model, golden);
    upload(one);
    one.set(1);
    one.clear();
    const VkDeviceSize half = one.plan->memory(SAC_MEMORY_WORKSPACE).alignment / 2;
    const std::vector<Wrong<SacRunInfo>> cases = {
        {"none", [](SacRunInfo& i) { i.enable = {}; }, invalid, "info->enable.buffer"},
        {"too small", [](SacRunInfo& i) { i.enable.size = 3; }, invalid, "info->enable.size is 3"},
        {"whole size", [](SacRunInfo& i) { i.enable.size = VK_WHOLE_SIZE; }, invalid, "info->enable.size"},
        {"misaligned",
         [&](SacRunInfo& i) {
             i.enable = {i.weights.buffer, half, 64};
         },
         invalid, "info->enable.offset"},
        {"in the workspace", [](SacRunInfo& i) { i.enable = i.workspace; }, invalid,
         "info->enable overlaps info->workspace"},
        {"in an output", [&](SacRunInfo& i) { i.enable = one.buffers->binding("y").buffer; }, invalid,
         "y overlaps info->enable"},
    };
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plain(model, description);
    submit([&](VkCommandBuffer commandBuffer) {
        for (const auto& wrong : cases) {
            SCOPED_TRACE(wrong.what);
            SacRunInfo info = one.buffers->runInfo();
            wrong.spoil(info);
            SacError error = unsetError();
            expectRefused(sacCmdRun(*one.plan, commandBuffer, &info, &error), error, wrong.result, wrong.named);
        }
        const SacRunInfo info = one.buffers->runInfo();
        SacError error = unsetError();
        expectRefused(sacCmdRun(plain, commandBuffer, &info, &error), error, invalid, "SAC_PLAN_CONDITIONAL_BIT");
    });
    EXPECT_TRUE(one.isClear()) << "nothing was recorded";
}

} // namespace
} // namespace saccade::test
