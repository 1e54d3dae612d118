// SPDX-License-Identifier: Apache-2.0
#include "frames_in_flight.hpp"

#include "sizes.hpp"

namespace frame {
namespace {

constexpr VkPipelineStageFlags compute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
// What reads attention's outputs.
constexpr VkPipelineStageFlags readers =
    VK_PIPELINE_STAGE_VERTEX_SHADER_BIT | VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags reads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
constexpr uint32_t marks = 4; // of a frame: before and after drawing, before and after attention

struct Submission {
    std::vector<VkSemaphore> waits, signals;
    std::vector<VkPipelineStageFlags> stages; ///< what each of `waits` holds back
};

void beginCommands(VkCommandBuffer commandBuffer) {
    VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check(vkBeginCommandBuffer(commandBuffer, &info), "vkBeginCommandBuffer");
}

void submitCommands(const Queue& queue, VkCommandBuffer commandBuffer, const Submission& submission,
                    VkFence fence = VK_NULL_HANDLE) {
    check(vkEndCommandBuffer(commandBuffer), "vkEndCommandBuffer");
    VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    info.waitSemaphoreCount = static_cast<uint32_t>(submission.waits.size());
    info.pWaitSemaphores = submission.waits.data();
    info.pWaitDstStageMask = submission.stages.data();
    info.commandBufferCount = 1;
    info.pCommandBuffers = &commandBuffer;
    info.signalSemaphoreCount = static_cast<uint32_t>(submission.signals.size());
    info.pSignalSemaphores = submission.signals.data();
    check(vkQueueSubmit(queue.handle, 1, &info, fence), "vkQueueSubmit");
}

} // namespace

FramesInFlight::FramesInFlight(Engine& engine, const std::vector<char>& model, uint32_t count, bool async)
    : engine_(engine), async_(async), slots_(count) {
    std::vector<Image> inputs;
    for (Slot& slot : slots_) {
        createSlot(slot);
        inputs.push_back(slot.scene->features());
    }
    attention_ = std::make_unique<AttentionPass>(engine, model, inputs, "vgrid");
    attention_->upload(attentionQueue());
}

FramesInFlight::~FramesInFlight() {
    vkDeviceWaitIdle(engine_.device());
    for (const Slot& slot : slots_) {
        vkDestroySemaphore(engine_.device(), slot.drawn, nullptr);
        vkDestroySemaphore(engine_.device(), slot.attended, nullptr);
        vkDestroyFence(engine_.device(), slot.done, nullptr);
    }
}

void FramesInFlight::createSlot(Slot& slot) {
    slot.scene = std::make_unique<ScenePass>(engine_, frameSize);
    slot.show = engine_.createCommandBuffer(engine_.queue());
    VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    fence.flags = VK_FENCE_CREATE_SIGNALED_BIT;
    check(vkCreateFence(engine_.device(), &fence, nullptr, &slot.done), "vkCreateFence");
    if (!async_)
        return;
    slot.draw = engine_.createCommandBuffer(engine_.queue());
    slot.attend = engine_.createCommandBuffer(engine_.secondQueue());
    const VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    check(vkCreateSemaphore(engine_.device(), &semaphore, nullptr, &slot.drawn), "vkCreateSemaphore");
    check(vkCreateSemaphore(engine_.device(), &semaphore, nullptr, &slot.attended), "vkCreateSemaphore");
}

void FramesInFlight::wait(uint32_t frame) {
    check(vkWaitForFences(engine_.device(), 1, &slots_[slot(frame)].done, VK_TRUE, UINT64_MAX), "vkWaitForFences");
}

FrameTimes FramesInFlight::times(uint32_t frame) {
    const uint32_t first = slot(frame) * marks;
    return {engine_.milliseconds(first, first + 1), engine_.milliseconds(first + 2, first + 3)};
}

void FramesInFlight::recordDraw(VkCommandBuffer commandBuffer, uint32_t slot, float time) {
    engine_.mark(commandBuffer, slot * marks);
    slots_[slot].scene->draw(commandBuffer, time);
    engine_.mark(commandBuffer, slot * marks + 1);
}

// The barriers around the run are all that the library asks for. The render pass has one for the image that is read, at
// its end; the first here keeps the run off the workspace until the run of the frame before is done, which was
// submitted to the same queue.
void FramesInFlight::recordAttention(VkCommandBuffer commandBuffer, uint32_t slot) {
    barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, compute,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    engine_.mark(commandBuffer, slot * marks + 2);
    attention_->record(commandBuffer, slot);
    if (!async_)
        barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, readers, reads);
    engine_.mark(commandBuffer, slot * marks + 3);
}

void FramesInFlight::begin(uint32_t frame, float time) {
    wait(frame);
    if (async_)
        return beginAsync(slot(frame), time);
    const VkCommandBuffer commandBuffer = slots_[slot(frame)].show;
    beginCommands(commandBuffer);
    recordDraw(commandBuffer, slot(frame), time);
    recordAttention(commandBuffer, slot(frame));
}

Handover FramesInFlight::outputs(uint32_t slot) const {
    return {engine_.secondQueue(), engine_.queue(), {attention_->y(slot)}, {attention_->extra(slot)}};
}

// Between families, the owner of images and buffers changes with the semaphore: released before its signal, acquired
// after its wait. Nothing is handed back, since the next use overwrites all of each.
void FramesInFlight::beginAsync(uint32_t index, float time) {
    const Slot& slot = slots_[index];
    const Queue &main = engine_.queue(), &second = engine_.secondQueue();
    const Handover input{main, second, {slot.scene->features()}, {}};
    beginCommands(slot.draw);
    recordDraw(slot.draw, index, time);
    release(slot.draw, input, compute, 0);
    submitCommands(main, slot.draw, {{}, {slot.drawn}, {}});

    beginCommands(slot.attend);
    acquire(slot.attend, input, compute, VK_ACCESS_SHADER_READ_BIT);
    recordAttention(slot.attend, index);
    release(slot.attend, outputs(index), compute, VK_ACCESS_SHADER_WRITE_BIT);
    submitCommands(second, slot.attend, {{slot.drawn}, {slot.attended}, {compute}});
}

void FramesInFlight::show(uint32_t frame, const std::function<void(VkCommandBuffer)>& record,
                          const Presentation& presentation) {
    const uint32_t index = slot(frame);
    const Slot& slot = slots_[index];
    Submission submission;
    if (async_) {
        beginCommands(slot.show);
        submission.waits.push_back(slot.attended);
        submission.stages.push_back(readers);
        acquire(slot.show, outputs(index), readers, reads);
    }
    record(slot.show);
    if (presentation.acquired) {
        submission.waits.push_back(presentation.acquired);
        submission.stages.push_back(VK_PIPELINE_STAGE_TRANSFER_BIT);
    }
    if (presentation.presentable)
        submission.signals.push_back(presentation.presentable);
    check(vkResetFences(engine_.device(), 1, &slot.done), "vkResetFences");
    submitCommands(engine_.queue(), slot.show, submission, slot.done);
}

} // namespace frame
