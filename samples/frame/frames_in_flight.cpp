#include "frames_in_flight.hpp"

#include "ownership.hpp"
#include "sizes.hpp"

namespace frame {
namespace {

constexpr VkPipelineStageFlags compute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
constexpr VkPipelineStageFlags overlays = VK_PIPELINE_STAGE_VERTEX_SHADER_BIT | VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT;
constexpr uint32_t marks = 5; // of a frame: before and after drawing, after the handover, before and after attention

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

FramesInFlight::FramesInFlight(Engine& engine, const std::vector<char>& model, uint32_t count, bool async,
                               Reader reader)
    : engine_(engine), async_(async), reader_(reader), slots_(count) {
    std::vector<Buffer> inputs;
    for (Slot& slot : slots_) {
        createSlot(slot);
        inputs.push_back(slot.input);
    }
    attention_ = std::make_unique<AttentionPass>(engine, model, inputs, cells, std::vector<std::string>{"y", "vgrid"},
                                                 reader == Reader::host);
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
    slot.input =
        engine_.createBuffer(size_t(64) * cells * cells * sizeof(float), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, false);
    slot.scene = std::make_unique<ScenePass>(engine_, frameSize, slot.input);
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
    return {engine_.milliseconds(first, first + 1), engine_.milliseconds(first + 1, first + 2),
            engine_.milliseconds(first + 3, first + 4)};
}

void FramesInFlight::recordDraw(VkCommandBuffer commandBuffer, uint32_t slot, float time) {
    engine_.mark(commandBuffer, slot * marks);
    slots_[slot].scene->draw(commandBuffer, time);
    engine_.mark(commandBuffer, slot * marks + 1);
    slots_[slot].scene->unshuffle(commandBuffer);
    engine_.mark(commandBuffer, slot * marks + 2);
}

// The two barriers around the run are all that the library asks for. The first also keeps it off the workspace until
// the run of the frame before is done, which was submitted to the same queue.
void FramesInFlight::recordAttention(VkCommandBuffer commandBuffer, uint32_t slot) {
    barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, compute,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    engine_.mark(commandBuffer, slot * marks + 3);
    attention_->record(commandBuffer, slot);
    if (reader_ == Reader::host)
        barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
                VK_ACCESS_HOST_READ_BIT);
    else if (!async_)
        barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, overlays, VK_ACCESS_SHADER_READ_BIT);
    engine_.mark(commandBuffer, slot * marks + 4);
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

// Between families, each buffer's owner changes with the semaphore: released before its signal, acquired after its
// wait. Nothing is handed back, since the next use of a buffer overwrites all of it.
void FramesInFlight::beginAsync(uint32_t index, float time) {
    const Slot& slot = slots_[index];
    const Queue &main = engine_.queue(), &second = engine_.secondQueue();
    beginCommands(slot.draw);
    recordDraw(slot.draw, index, time);
    if (changesOwner())
        releaseBuffers(slot.draw, {slot.input}, main, second, compute, VK_ACCESS_SHADER_WRITE_BIT);
    submitCommands(main, slot.draw, {{}, {slot.drawn}, {}});

    beginCommands(slot.attend);
    if (changesOwner())
        acquireBuffers(slot.attend, {slot.input}, main, second, compute, VK_ACCESS_SHADER_READ_BIT);
    recordAttention(slot.attend, index);
    if (changesOwner() && reader_ == Reader::shaders)
        releaseBuffers(slot.attend, {attention_->output(0, index), attention_->output(1, index)}, second, main, compute,
                       VK_ACCESS_SHADER_WRITE_BIT);
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
        submission.stages.push_back(overlays);
        if (changesOwner() && reader_ == Reader::shaders)
            acquireBuffers(slot.show, {attention_->output(0, index), attention_->output(1, index)},
                           engine_.secondQueue(), engine_.queue(), overlays, VK_ACCESS_SHADER_READ_BIT);
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
