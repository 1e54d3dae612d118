// SPDX-License-Identifier: Apache-2.0
// A run on a compute queue between two pieces of the engine's own work on another: the queues' order is two semaphores,
// ownership of input and output moves with whole buffers, as the header leaves it to the engine.
#include "scene.hpp"

namespace saccade::test {
namespace {

class Semaphore {
public:
    explicit Semaphore(const host::Device& device) : device_(device.handle()) {
        const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, nullptr, 0};
        host::checkVulkan(vkCreateSemaphore(device_, &info, nullptr, &handle), "vkCreateSemaphore");
    }
    ~Semaphore() { vkDestroySemaphore(device_, handle, nullptr); }
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    VkSemaphore handle = VK_NULL_HANDLE;

private:
    VkDevice device_;
};

struct Family {
    VkQueue queue;
    uint32_t index;
};

void submitTo(const Family& family, VkCommandBuffer commands, const Semaphore* wait, const Semaphore* signal) {
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkSubmitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    info.waitSemaphoreCount = wait ? 1 : 0;
    info.pWaitSemaphores = wait ? &wait->handle : nullptr;
    info.pWaitDstStageMask = &stages;
    info.commandBufferCount = 1;
    info.pCommandBuffers = &commands;
    info.signalSemaphoreCount = signal ? 1 : 0;
    info.pSignalSemaphores = signal ? &signal->handle : nullptr;
    host::checkVulkan(vkQueueSubmit(family.queue, 1, &info, VK_NULL_HANDLE), "vkQueueSubmit");
}

constexpr Access nothing{VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0}; // chains to the semaphore's stages
constexpr Access finished{VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0};
constexpr Access copyWrites{VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT};
constexpr Access copyReads{VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT};
constexpr Access computeReads{VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT};

// One half of an ownership transfer of a whole buffer; within one family an ordinary barrier.
void pass(VkCommandBuffer commands, const host::Buffer& buffer, const Family& from, const Family& to, Access before,
          Access after) {
    const bool moves = from.index != to.index;
    VkBufferMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER;
    barrier.srcAccessMask = before.access;
    barrier.dstAccessMask = after.access;
    barrier.srcQueueFamilyIndex = moves ? from.index : VK_QUEUE_FAMILY_IGNORED;
    barrier.dstQueueFamilyIndex = moves ? to.index : VK_QUEUE_FAMILY_IGNORED;
    barrier.buffer = buffer.handle();
    barrier.size = VK_WHOLE_SIZE;
    vkCmdPipelineBarrier(commands, before.stages, after.stages, 0, 0, nullptr, 1, &barrier, 0, nullptr);
}

class QueueFamilies : public GpuTest, public ::testing::WithParamInterface<Descriptors> {
protected:
    QueueFamilies() {
        host::DeviceOptions options = deviceOptions(GetParam());
        options.asyncCompute = true;
        device_.emplace(Gpu::get().instance(), device().physical(), options);
    }

    // The engine copies the input to the device and the output back, on `engine`; the run is on `compute`.
    void runBetween(const Family& engine, const Family& compute) {
        const host::Device& device = *device_;
        const GoldenCase golden(attentionPath);
        Context context(device);
        Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        Plan plan(model, description);
        PlanBuffers buffers(device, plan);
        buffers.write("x", golden.inputs.at("x"));

        // Weights and workspace are the compute queue's from the first.
        CommandBuffer upload(device, compute.index, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
        upload.begin();
        recordUpload(plan, upload, buffers);
        recordRun(plan, upload, buffers);
        upload.end();
        submitAndWait(compute.queue, {upload});
        const Bytes expected = buffers.bytes("y"), input = buffers.bytes("x");
        EXPECT_NE(expected, Bytes(expected.size()));

        const VkBufferUsageFlags storage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
        const host::Buffer source(device, input.size(), VK_BUFFER_USAGE_TRANSFER_SRC_BIT, host::BufferMemory::upload);
        const host::Buffer target(device, expected.size(), VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                  host::BufferMemory::readback);
        const host::Buffer x(device, input.size(), storage | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                             host::BufferMemory::device);
        const host::Buffer y(device, expected.size(), storage | VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                             host::BufferMemory::device);
        std::ranges::copy(input, source.mapped().begin());
        for (SacTensorBinding& binding : buffers.bindings)
            binding.buffer = buffers.name(binding) == "x" ? x.range() : y.range();

        CommandBuffer before(device, engine.index, VK_COMMAND_BUFFER_LEVEL_PRIMARY),
            run(device, compute.index, VK_COMMAND_BUFFER_LEVEL_PRIMARY),
            after(device, engine.index, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
        const VkBufferCopy copyIn{0, 0, input.size()}, copyOut{0, 0, expected.size()};
        before.begin();
        vkCmdCopyBuffer(before, source.handle(), x.handle(), 1, &copyIn);
        pass(before, x, engine, compute, copyWrites, finished);
        before.end();
        run.begin();
        pass(run, x, engine, compute, nothing, computeReads);
        recordAlone(plan, run, buffers);
        pass(run, y, compute, engine, computeWrites, finished);
        run.end();
        after.begin();
        pass(after, y, compute, engine, nothing, copyReads);
        vkCmdCopyBuffer(after, y.handle(), target.handle(), 1, &copyOut);
        barrier(after, copyWrites, hostReads);
        after.end();

        const Semaphore written(device), computed(device);
        submitTo(engine, before, nullptr, &written);
        submitTo(compute, run, &written, &computed);
        submitTo(engine, after, &computed, nullptr);
        host::checkVulkan(vkDeviceWaitIdle(device.handle()), "vkDeviceWaitIdle");
        EXPECT_TRUE(std::ranges::equal(target.mapped(), expected));
    }

    std::optional<host::Device> device_;
};

TEST_P(QueueFamilies, one) {
    const Family family{device_->queue(), device_->queueFamily()};
    runBetween(family, family);
}

TEST_P(QueueFamilies, ownershipMovesToAComputeQueueAndBack) {
    if (!device_->asyncQueue())
        GTEST_SKIP() << device_->name() << " has no second family that computes without drawing";
    runBetween({device_->queue(), device_->queueFamily()}, {device_->asyncQueue(), device_->asyncQueueFamily()});
}

INSTANTIATE_TEST_SUITE_P(With, QueueFamilies, ::testing::Values(Descriptors::pushed, Descriptors::pooled),
                         descriptorsName);

} // namespace
} // namespace saccade::test
