// SPDX-License-Identifier: Apache-2.0
// Runs that clear a key-value cache before they begin, by flag or by a number in device memory. What they are compared
// with is an ordinary run whose state the host has filled with zeros.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "../api/refused.hpp"
#include "host/errors.hpp"
#include "record/clear_state.hpp"
#include "support/callbacks.hpp"
#include "support/golden.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::byte old{0x3c}; // as floats of 0.01, far from nothing among a cache's keys
constexpr std::byte unset{0xff};

// What the header asks for between two runs that share a state, and no more.
void computeBarrier(VkCommandBuffer commandBuffer) {
    const VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT,
                                  VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
    vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0,
                         1, &barrier, 0, nullptr, 0, nullptr);
}

// What a run leaves.
struct Result {
    Bytes y, state;
    bool operator==(const Result&) const = default;
};

// A number that the GPU reads.
class Number {
public:
    explicit Number(const host::Device& device)
        : buffer_(device, 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, host::BufferMemory::upload) {}
    void set(uint32_t value) { std::memcpy(buffer_.mapped().data(), &value, sizeof(value)); }
    SacBufferRange range() const { return buffer_.range(); }

private:
    host::Buffer buffer_;
};

// A plan of a few tokens behind others that the state holds.
struct Step {
    static constexpr int64_t tokens = 3;
    static constexpr int32_t first = 5;

    Step(const host::Device& device, host::Submitter& submitter, SacModel model, const GoldenCase& golden,
         SacPlanFlags flags)
        : enable(device), reset(device) {
        const reference::Tensor& all = golden.inputs.at("x");
        const reference::Tensor& rotary = golden.inputs.at("rotary_pos_emb");
        reference::Tensor x({all.size(0), tokens, all.size(2)});
        for (int64_t b = 0; b < x.size(0); ++b)
            for (int64_t i = 0; i < tokens; ++i)
                for (int64_t c = 0; c < x.size(2); ++c)
                    x(b, i, c) = all(b, first + i, c);
        description.input("x", x.shape).input("rotary_pos_emb", rotary.shape).input("offset", {1}, SAC_DATA_TYPE_INT32);
        description.output("y");
        description.info.options = "{\"cache\": true}";
        description.info.flags = flags;
        description.info.maxRunsInFlight = 2; // without push descriptors the ring comes around
        plan.emplace(model, description);
        buffers.emplace(device, *plan);
        buffers->write("x", x);
        buffers->write("rotary_pos_emb", rotary);
        std::memcpy(buffers->mapped("offset").data(), &first, sizeof(first));
        if (flags & SAC_PLAN_CONDITIONAL_BIT)
            buffers->enable = enable.range();
        if (flags & SAC_PLAN_CONDITIONAL_RESET_BIT)
            buffers->reset = reset.range();
        submitter.run([&](VkCommandBuffer commandBuffer) { recordUpload(*plan, commandBuffer, *buffers); });
    }

    void fill(std::byte state) {
        std::ranges::fill(buffers->mapped(SAC_MEMORY_STATE), state);
        std::ranges::fill(buffers->mapped("y"), unset);
    }
    Result result() {
        const auto state = buffers->mapped(SAC_MEMORY_STATE);
        return {buffers->bytes("y"), {state.begin(), state.end()}};
    }

    sac::PlanBuilder description;
    Number enable, reset;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
};

enum class Descriptors { pushed, pooled };

class Reset : public GpuTest, public ::testing::WithParamInterface<Descriptors> {
protected:
    static host::DeviceOptions options() {
        host::DeviceOptions options;
        options.pushDescriptors = GetParam() == Descriptors::pushed;
        return options;
    }
    SacModelInfo modelInfo() const {
        SacModelInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
        info.data = golden.bytes.data();
        info.size = golden.bytes.size();
        info.config = "{\"cache_steps\": [24]}"; // a run is one piece
        return info;
    }

    Step step(SacPlanFlags flags) { return Step(own, submitter, model, golden, flags); }
    // From a state of these bytes on.
    Result run(Step& one, std::byte state, SacRunFlags flags) {
        one.fill(state);
        one.buffers->runFlags = flags;
        submitter.run([&](VkCommandBuffer commandBuffer) { recordRun(*one.plan, commandBuffer, *one.buffers); });
        return one.result();
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/dalle_attention_4.safetensors"};
    const host::Device own{Gpu::get().instance(), device().physical(), options()};
    host::Submitter submitter{own};
    Callbacks callbacks;
    Context context{own, callbacks.get()};
    Model model{context, modelInfo()};
    Step plain = step(0);
    const Result fresh = run(plain, std::byte{0}, 0), continued = run(plain, old, 0);
};

TEST_P(Reset, byFlag) {
    ASSERT_NE(fresh, continued) << "else a reset could not be told from none";
    EXPECT_EQ(run(plain, old, SAC_RUN_RESET_STATE_BIT), fresh);
    EXPECT_EQ(run(plain, unset, SAC_RUN_RESET_STATE_BIT), fresh);
    EXPECT_EQ(run(plain, old, 0), continued);
    EXPECT_EQ(run(plain, old, SAC_RUN_RESET_STATE_BIT), fresh);
}

TEST_P(Reset, aWarmUpTouchesNothing) {
    Step one = step(SAC_PLAN_CONDITIONAL_RESET_BIT);
    one.fill(old);
    const Result before = one.result();
    one.reset.set(1);
    for (const SacRunFlags more : {SacRunFlags(0), SacRunFlags(SAC_RUN_RESET_STATE_BIT)}) {
        EXPECT_EQ(run(plain, old, SAC_RUN_WARM_UP_BIT | more), before);
        EXPECT_EQ(run(one, old, SAC_RUN_WARM_UP_BIT | more), before);
    }
    EXPECT_EQ(run(plain, old, 0), continued);
}

TEST_P(Reset, byNumber) {
    Step one = step(SAC_PLAN_CONDITIONAL_RESET_BIT);
    for (const uint32_t value : {1u, 0u, 0x80000000u, 0u}) {
        SCOPED_TRACE(value);
        one.reset.set(value);
        EXPECT_EQ(run(one, old, 0), value ? fresh : continued);
        EXPECT_EQ(run(one, old, SAC_RUN_RESET_STATE_BIT), fresh);
    }
}

TEST_P(Reset, aSkippedRunKeepsTheState) {
    for (const SacPlanFlags more : {SacPlanFlags(0), SacPlanFlags(SAC_PLAN_CONDITIONAL_RESET_BIT)}) {
        Step one = step(SAC_PLAN_CONDITIONAL_BIT | more);
        one.fill(old);
        const Result before = one.result();
        for (const uint32_t enable : {0u, 2u})
            for (const uint32_t reset : {0u, 1u})
                for (const SacRunFlags flags : {SacRunFlags(0), SacRunFlags(SAC_RUN_RESET_STATE_BIT)}) {
                    SCOPED_TRACE(::testing::Message() << more << " " << enable << " " << reset << " " << flags);
                    one.enable.set(enable);
                    one.reset.set(reset);
                    const bool resets = flags || (more && reset);
                    EXPECT_EQ(run(one, old, flags), !enable ? before : resets ? fresh : continued);
                }
    }
}

// Recorded once, submitted again and again; the engine changes the numbers in between.
TEST_P(Reset, replayReadsTheNumbersAgain) {
    Step one = step(SAC_PLAN_CONDITIONAL_BIT | SAC_PLAN_CONDITIONAL_RESET_BIT);
    one.fill(old);
    const Result before = one.result();
    const VkCommandPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, own.queueFamily()};
    VkCommandPool pool = VK_NULL_HANDLE;
    host::checkVulkan(vkCreateCommandPool(own.handle(), &poolInfo, nullptr, &pool), "vkCreateCommandPool");
    const VkCommandBufferAllocateInfo allocateInfo{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool,
                                                   VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
    VkCommandBuffer recorded = VK_NULL_HANDLE;
    host::checkVulkan(vkAllocateCommandBuffers(own.handle(), &allocateInfo, &recorded), "vkAllocateCommandBuffers");
    const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, 0, nullptr};
    host::checkVulkan(vkBeginCommandBuffer(recorded, &begin), "vkBeginCommandBuffer");
    host::fullBarrier(recorded);
    recordRun(*one.plan, recorded, *one.buffers);
    host::checkVulkan(vkEndCommandBuffer(recorded), "vkEndCommandBuffer");
    const uint32_t numbers[][2] = {{1, 1}, {1, 0}, {0, 1}, {1, 1}, {0, 0}, {1, 0}};
    for (const auto& [enable, reset] : numbers) {
        SCOPED_TRACE(::testing::Message() << enable << " " << reset);
        one.enable.set(enable);
        one.reset.set(reset);
        one.fill(old);
        VkSubmitInfo submission{};
        submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
        submission.commandBufferCount = 1;
        submission.pCommandBuffers = &recorded;
        host::checkVulkan(vkQueueSubmit(own.queue(), 1, &submission, VK_NULL_HANDLE), "vkQueueSubmit");
        host::checkVulkan(vkQueueWaitIdle(own.queue()), "vkQueueWaitIdle");
        EXPECT_EQ(one.result(), !enable ? before : reset ? fresh : continued);
    }
    vkDestroyCommandPool(own.handle(), pool, nullptr);
}

// Several runs in one command buffer with the barriers that the header asks for; the last to reset decides.
TEST_P(Reset, runsFollowEachOther) {
    Step one = step(SAC_PLAN_CONDITIONAL_BIT | SAC_PLAN_CONDITIONAL_RESET_BIT);
    one.enable.set(1);
    one.reset.set(1);
    one.fill(old);
    std::size_t called = 0;
    submitter.run([&](VkCommandBuffer commandBuffer) {
        for (const SacRunFlags flags : {SacRunFlags(SAC_RUN_RESET_STATE_BIT), SacRunFlags(0)}) {
            SacRunInfo info = one.buffers->runInfo();
            info.flags = flags;
            SacError error{};
            called = callbacks.allocations();
            EXPECT_EQ(sacCmdRun(*one.plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
            EXPECT_EQ(callbacks.allocations(), called) << "recording allocates nothing";
            computeBarrier(commandBuffer);
        }
        host::fullBarrier(commandBuffer);
    });
    EXPECT_EQ(one.result(), fresh);
}

TEST_P(Reset, isNotCountedAmongTheStages) {
    uint32_t steps = 0;
    sac::PlanBuilder& description = plain.description;
    description.info.progressUserData = &steps;
    description.info.progress = [](void* user, uint32_t, uint32_t total) -> VkBool32 {
        *static_cast<uint32_t*>(user) = total;
        return VK_TRUE;
    };
    uint32_t stepsOf[2] = {};
    SacPlanProperties properties[2];
    VkDeviceSize workspace[2];
    for (const uint32_t i : {0, 1}) {
        description.info.flags = i ? SAC_PLAN_CONDITIONAL_RESET_BIT : 0;
        const Plan plan(model, description);
        stepsOf[i] = steps;
        properties[i] = plan.properties();
        workspace[i] = plan.memory(SAC_MEMORY_WORKSPACE).size;
        EXPECT_EQ(plan.memory(SAC_MEMORY_STATE).usage, VkBufferUsageFlags(VK_BUFFER_USAGE_STORAGE_BUFFER_BIT));
        uint32_t dispatches = 0;
        for (const SacStageInfo& stage : plan.stages())
            dispatches += stage.dispatchCount;
        EXPECT_EQ(properties[i].dispatchCount, dispatches);
        EXPECT_GT(steps, dispatches);
    }
    EXPECT_EQ(stepsOf[0], stepsOf[1]);
    EXPECT_EQ(workspace[0], workspace[1]);
    EXPECT_EQ(properties[0].pipelineCount, properties[1].pipelineCount);
    EXPECT_EQ(properties[0].dispatchCount, properties[1].dispatchCount);
    EXPECT_EQ(properties[0].barrierCount, properties[1].barrierCount);
}

TEST_P(Reset, isInTheSynchronizationContract) {
    for (const SacPlanFlags flags : {SacPlanFlags(0), SacPlanFlags(SAC_PLAN_CONDITIONAL_RESET_BIT)}) {
        Step one = step(flags);
        uint32_t count = 0;
        ASSERT_EQ(sacGetPlanAccess(*one.plan, SAC_COMMAND_RUN, &count, nullptr, nullptr), SAC_SUCCESS);
        std::vector<SacResourceAccess> accesses(count, sac::make<SacResourceAccess>());
        ASSERT_EQ(sacGetPlanAccess(*one.plan, SAC_COMMAND_RUN, &count, accesses.data(), nullptr), SAC_SUCCESS);
        const SacResourceAccess& last = accesses.back();
        EXPECT_EQ(last.type == SAC_RESOURCE_TYPE_RESET, flags != 0);
        EXPECT_EQ(last.stages, VkPipelineStageFlags(VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT));
        if (flags) {
            EXPECT_EQ(last.access, VkAccessFlags(VK_ACCESS_SHADER_READ_BIT));
        }
    }
}

TEST_P(Reset, withoutAStateThereIsNothingToReset) {
    const GoldenCase stateless(SACCADE_TEST_DATA "/golden/grid_sample_0.safetensors");
    const Model of(context, stateless.bytes);
    Bytes expected;
    for (const bool resets : {false, true}) {
        sac::PlanBuilder description;
        stateless.describe(description);
        description.info.flags = resets ? SAC_PLAN_CONDITIONAL_RESET_BIT : 0;
        const Plan plan(of, description);
        ASSERT_EQ(plan.memory(SAC_MEMORY_STATE).size, 0u);
        PlanBuffers buffers(own, plan);
        for (const auto& [name, values] : stateless.inputs)
            buffers.write(name, values);
        Number number(own);
        number.set(1);
        if (resets)
            buffers.reset = number.range();
        buffers.runFlags = resets ? SAC_RUN_RESET_STATE_BIT : 0;
        submitter.run([&](VkCommandBuffer commandBuffer) {
            recordUpload(plan, commandBuffer, buffers);
            recordRun(plan, commandBuffer, buffers);
        });
        if (!resets) {
            expected = buffers.bytes("y");
            continue;
        }
        EXPECT_EQ(buffers.bytes("y"), expected);
        buffers.reset = {};
        submitter.run([&](VkCommandBuffer commandBuffer) {
            const SacRunInfo info = buffers.runInfo();
            SacError error = unsetError();
            expectRefused(sacCmdRun(plan, commandBuffer, &info, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                          "info->reset.buffer is null");
        });
    }
}

TEST_P(Reset, wrongArgumentsAreNamed) {
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    Step one = step(SAC_PLAN_CONDITIONAL_RESET_BIT);
    one.reset.set(1);
    one.fill(old);
    const Result before = one.result();
    const VkDeviceSize half = one.plan->memory(SAC_MEMORY_WORKSPACE).alignment / 2;
    const std::vector<Wrong<SacRunInfo>> cases = {
        {"none", [](SacRunInfo& i) { i.reset = {}; }, invalid, "info->reset.buffer is null"},
        {"too small", [](SacRunInfo& i) { i.reset.size = 3; }, invalid, "info->reset.size is 3"},
        {"whole size", [](SacRunInfo& i) { i.reset.size = VK_WHOLE_SIZE; }, invalid, "info->reset.size"},
        {"misaligned",
         [&](SacRunInfo& i) {
             i.reset = {i.weights.buffer, half, 64};
         },
         invalid, "info->reset.offset"},
        {"in the state", [](SacRunInfo& i) { i.reset = i.state; }, invalid, "info->reset overlaps info->state"},
        {"in the workspace", [](SacRunInfo& i) { i.reset = i.workspace; }, invalid,
         "info->reset overlaps info->workspace"},
        {"in an output", [&](SacRunInfo& i) { i.reset = one.buffers->binding("y").buffer; }, invalid,
         "y overlaps info->reset"},
        {"unknown flag", [](SacRunInfo& i) { i.flags = SAC_RUN_RESET_STATE_BIT | 0x40; }, invalid,
         "info->flags is 0x41, of which 0x40 is no known flag"},
    };
    Step conditional = step(SAC_PLAN_CONDITIONAL_BIT);
    submitter.run([&](VkCommandBuffer commandBuffer) {
        for (const auto& wrong : cases) {
            SCOPED_TRACE(wrong.what);
            SacRunInfo info = one.buffers->runInfo();
            wrong.spoil(info);
            SacError error = unsetError();
            expectRefused(sacCmdRun(*one.plan, commandBuffer, &info, &error), error, wrong.result, wrong.named);
        }
        SacRunInfo info = conditional.buffers->runInfo();
        info.flags = SAC_RUN_WARM_UP_BIT;
        SacError error = unsetError();
        expectRefused(sacCmdRun(*conditional.plan, commandBuffer, &info, &error), error, invalid,
                      "info->flags has SAC_RUN_WARM_UP_BIT, but the plan was made with SAC_PLAN_CONDITIONAL_BIT");
        info = plain.buffers->runInfo();
        info.reset = one.reset.range();
        error = unsetError();
        expectRefused(sacCmdRun(*plain.plan, commandBuffer, &info, &error), error, invalid,
                      "info->reset is given, but the plan was made without SAC_PLAN_CONDITIONAL_RESET_BIT");
    });
    EXPECT_EQ(one.result(), before) << "nothing was recorded";
}

INSTANTIATE_TEST_SUITE_P(With, Reset, ::testing::Values(Descriptors::pushed, Descriptors::pooled),
                         [](const auto& info) { return info.param == Descriptors::pushed ? "pushed" : "pooled"; });

// A state larger than one binding may be, and than one round of the invocations reaches. The limits are made small.
class ClearedRanges : public KernelTest {};

TEST_F(ClearedRanges, coverTheStateAndNothingElse) {
    constexpr VkDeviceSize guard = 256;
    const VkDeviceSize alignment = std::max<VkDeviceSize>(profile().minStorageBufferOffsetAlignment, 4);
    Number on(device());
    on.set(1);
    for (const bool pushed : {true, false}) {
        device_.profile.pushDescriptors &= pushed;
        PipelineLibrary library(device_);
        struct Case {
            VkDeviceSize bytes, range;
        };
        for (const Case& c : {Case{4, 1u << 27}, Case{alignment * 3, alignment * 3}, Case{alignment * 3 + 4, alignment},
                              Case{alignment * 5 - 4, alignment * 2 + 3}, Case{(1024 * 128 * 2 + 1) * 4, 1u << 27}}) {
            SCOPED_TRACE(::testing::Message() << c.bytes << " bytes, " << c.range << " at once");
            device_.profile.maxStorageBufferRange = c.range;
            ClearState clear(device_, library);
            Progress progress;
            clear.compile(c.bytes, 1, progress);
            const host::Buffer buffer(device(), guard + c.bytes + guard, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                                      host::BufferMemory::readback);
            std::ranges::fill(buffer.mapped(), old);
            submit([&](VkCommandBuffer commandBuffer) {
                clear.record(commandBuffer, {buffer.handle(), guard}, {}, {on.range().buffer, 0});
                host::fullBarrier(commandBuffer);
            });
            for (VkDeviceSize i = 0; i < buffer.size(); ++i) {
                const bool inside = i >= guard && i < guard + c.bytes;
                ASSERT_EQ(buffer.mapped()[i], inside ? std::byte{0} : old) << i;
            }
        }
    }
}

} // namespace
} // namespace saccade::test
