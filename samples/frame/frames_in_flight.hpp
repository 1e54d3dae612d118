// SPDX-License-Identifier: Apache-2.0
// Frames on their way: drawn, handed over, attended to and shown, with up to two of them on the GPU at once.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "attention_pass.hpp"
#include "engine.hpp"
#include "ownership.hpp"
#include "scene_pass.hpp"

namespace frame {

/// Milliseconds on the GPU.
struct FrameTimes {
    double draw, attention;
};

/// Semaphores of a window around show(); null without one.
struct Presentation {
    VkSemaphore acquired = VK_NULL_HANDLE;    ///< awaited before copies
    VkSemaphore presentable = VK_NULL_HANDLE; ///< signalled at the end
};

/// A frame is begun, then shown; frames are begun in order, and shown in order. One after another, a frame is one
/// command buffer: draw, attend, show. Asynchronously it is three, ordered by semaphores: attention goes to the
/// engine's second queue, where it overlaps with the next frame's drawing if frame n + 1 is begun before frame n is
/// shown.
class FramesInFlight {
public:
    /// `count`: frames at once, each with memory of its own; frame n takes the place of frame n - count.
    FramesInFlight(Engine& engine, const std::vector<char>& model, uint32_t count, bool async);
    ~FramesInFlight();
    FramesInFlight(const FramesInFlight&) = delete;
    FramesInFlight& operator=(const FramesInFlight&) = delete;

    /// Waits until the GPU is through with the last frame that was shown in the place of `frame`.
    void wait(uint32_t frame);
    /// Of a frame that was waited for.
    FrameTimes times(uint32_t frame);
    /// Draws the scene at `time` seconds and runs attention on it, once frame - count is done.
    void begin(uint32_t frame, float time);
    /// Records what is done with the results on the main queue and submits it. Attention's outputs, y and vgrid, are
    /// visible to vertex and fragment shaders and to copies.
    void show(uint32_t frame, const std::function<void(VkCommandBuffer)>& record,
              const Presentation& presentation = {});

    uint32_t slot(uint32_t frame) const { return frame % static_cast<uint32_t>(slots_.size()); }
    uint32_t count() const { return static_cast<uint32_t>(slots_.size()); }
    ScenePass& scene(uint32_t slot) { return *slots_[slot].scene; }
    const AttentionPass& attention() const { return *attention_; }
    /// Where attention runs.
    const Queue& attentionQueue() const { return async_ ? engine_.secondQueue() : engine_.queue(); }

private:
    struct Slot {
        std::unique_ptr<ScenePass> scene;
        VkCommandBuffer draw = VK_NULL_HANDLE, attend = VK_NULL_HANDLE, show = VK_NULL_HANDLE;
        VkSemaphore drawn = VK_NULL_HANDLE, attended = VK_NULL_HANDLE;
        VkFence done = VK_NULL_HANDLE;
    };

    void createSlot(Slot& slot);
    void recordDraw(VkCommandBuffer commandBuffer, uint32_t slot, float time);
    void recordAttention(VkCommandBuffer commandBuffer, uint32_t slot);
    void beginAsync(uint32_t slot, float time);
    Handover outputs(uint32_t slot) const;

    Engine& engine_;
    bool async_;
    std::vector<Slot> slots_;
    std::unique_ptr<AttentionPass> attention_;
};

} // namespace frame
