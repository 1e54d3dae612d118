// SPDX-License-Identifier: Apache-2.0
// A small plan on a device of its own, with what an ordinary run of it results in: what every way to record is
// compared with, bit for bit.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "host/errors.hpp"
#include "support/golden.hpp"

namespace saccade::test {

using Bytes = std::vector<std::byte>;

enum class Descriptors { pushed, pooled };

inline std::string descriptorsName(const ::testing::TestParamInfo<Descriptors>& info) {
    return info.param == Descriptors::pushed ? "push" : "pool";
}

inline host::DeviceOptions deviceOptions(Descriptors descriptors) {
    host::DeviceOptions options;
    options.pushDescriptors = descriptors == Descriptors::pushed;
    return options;
}

/// Causal attention with its two projections: few pipelines, which a CPU driver takes long to compile.
constexpr const char* attentionPath = SACCADE_TEST_DATA "/golden/dalle_attention_0.safetensors";

class Scene {
public:
    explicit Scene(Descriptors descriptors, uint32_t maxRunsInFlight = 0)
        : device(Gpu::get().instance(), Gpu::get().device().physical(), deviceOptions(descriptors)) {
        golden.describe(description);
        description.info.maxRunsInFlight = maxRunsInFlight;
        plan.emplace(model, description);
        buffers.emplace(device, *plan);
        writeInput(*buffers, 0);
        submitter.run([&](VkCommandBuffer commandBuffer) { recordUpload(*plan, commandBuffer, *buffers); });
        expected = runOrdinarily(0);
        EXPECT_NE(expected, Bytes(expected.size())) << "something was computed";
    }

    /// The golden file's input, and others, each its own numbers.
    void writeInput(PlanBuffers& to, int number) const {
        reference::Tensor x = golden.inputs.at("x");
        std::rotate(x.data.begin(), x.data.begin() + number * 100, x.data.end());
        to.write("x", x);
    }

    /// One run in a command buffer of its own, with input `number`.
    Bytes runOrdinarily(int number) {
        writeInput(*buffers, number);
        submitter.run([&](VkCommandBuffer commandBuffer) { recordRun(*plan, commandBuffer, *buffers); });
        return buffers->bytes("y");
    }

    /// Buffers for one more run at the same time, of the same weights and parameters.
    PlanBuffers& moreBuffers(int number = 0) {
        PlanBuffers& made = *more_.emplace_back(std::make_unique<PlanBuffers>(device, *plan));
        for (const SacMemoryKind kind : {SAC_MEMORY_WEIGHTS, SAC_MEMORY_PARAMETERS})
            made.share(kind, buffers->range(kind));
        writeInput(made, number);
        return made;
    }

    const GoldenCase golden{attentionPath};
    host::Device device;
    host::Submitter submitter{device};
    Context context{device};
    Model model{context, golden.bytes};
    sac::PlanBuilder description;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
    Bytes expected; ///< y for input 0

private:
    std::deque<std::unique_ptr<PlanBuffers>> more_;
};

/// A command buffer from a pool of its own, for whatever begins, ends and submits it.
class CommandBuffer {
public:
    explicit CommandBuffer(const host::Device& device, VkCommandBufferLevel level = VK_COMMAND_BUFFER_LEVEL_PRIMARY)
        : CommandBuffer(device, device.queueFamily(), level) {}
    CommandBuffer(const host::Device& device, uint32_t family, VkCommandBufferLevel level)
        : device_(device.handle()), level_(level) {
        const VkCommandPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, family};
        host::checkVulkan(vkCreateCommandPool(device_, &poolInfo, nullptr, &pool_), "vkCreateCommandPool");
        const VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool_, level,
                                               1};
        host::checkVulkan(vkAllocateCommandBuffers(device_, &info, &handle_), "vkAllocateCommandBuffers");
    }
    ~CommandBuffer() { vkDestroyCommandPool(device_, pool_, nullptr); }
    CommandBuffer(const CommandBuffer&) = delete;
    CommandBuffer& operator=(const CommandBuffer&) = delete;

    operator VkCommandBuffer() const { return handle_; }
    void begin(VkCommandBufferUsageFlags usage = 0) {
        VkCommandBufferInheritanceInfo inheritance{};
        inheritance.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO;
        const bool secondary = level_ == VK_COMMAND_BUFFER_LEVEL_SECONDARY;
        const VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, usage,
                                            secondary ? &inheritance : nullptr};
        host::checkVulkan(vkBeginCommandBuffer(handle_, &info), "vkBeginCommandBuffer");
    }
    void end() { host::checkVulkan(vkEndCommandBuffer(handle_), "vkEndCommandBuffer"); }

private:
    VkDevice device_;
    VkCommandBufferLevel level_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer handle_ = VK_NULL_HANDLE;
};

inline void submitAndWait(VkQueue queue, const std::vector<VkCommandBuffer>& commandBuffers) {
    VkSubmitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    info.commandBufferCount = static_cast<uint32_t>(commandBuffers.size());
    info.pCommandBuffers = commandBuffers.data();
    host::checkVulkan(vkQueueSubmit(queue, 1, &info, VK_NULL_HANDLE), "vkQueueSubmit");
    host::checkVulkan(vkQueueWaitIdle(queue), "vkQueueWaitIdle");
}

/// A barrier of the synchronization contract: `from` and `to` are all that it orders.
struct Access {
    VkPipelineStageFlags stages;
    VkAccessFlags access;
};
constexpr Access computeWrites{VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT};
constexpr Access computeUses{VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                             VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
constexpr Access hostReads{VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT};

inline void barrier(VkCommandBuffer commandBuffer, Access from, Access to) {
    const VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, from.access, to.access};
    vkCmdPipelineBarrier(commandBuffer, from.stages, to.stages, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

/// Records a run and nothing beside it.
inline void recordAlone(SacPlan plan, VkCommandBuffer commandBuffer, const PlanBuffers& buffers) {
    const SacRunInfo info = buffers.runInfo();
    SacError error{};
    EXPECT_EQ(sacCmdRun(plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
}

/// Tests with pushed and with pooled descriptors; the scenes last as long as the suite.
class Recording : public GpuTest, public ::testing::WithParamInterface<Descriptors> {
protected:
    static void TearDownTestSuite() {
        for (std::optional<Scene>& scene : scenes_)
            scene.reset();
    }
    static Scene& scene() {
        std::optional<Scene>& scene = scenes_[GetParam() == Descriptors::pooled];
        if (!scene)
            scene.emplace(GetParam());
        return *scene;
    }

private:
    static inline std::optional<Scene> scenes_[2];
};

} // namespace saccade::test
