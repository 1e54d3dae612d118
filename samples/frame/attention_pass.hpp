// SPDX-License-Identifier: Apache-2.0
// Saccade inside the engine: everything a program needs to do to have attention in its frame.
#pragma once

#include <saccade/saccade.hpp>

#include <vector>

#include "engine.hpp"

namespace frame {

/// What the device should offer, asked before it exists.
DeviceWishes attentionWishes(VkInstance instance, VkPhysicalDevice physicalDevice);

/// A checkpoint at one input shape, with the memory it needs. Each input has outputs of its own, so that one run's can
/// be read while the next run writes; the workspace is shared, so runs follow one another.
/// Input x and output y are images of 4 channels, whose squares of cellSize pixels are the tokens.
class AttentionPass {
public:
    /// `inputs`: each a run's x, all of one size. `extra`: the output wanted beside y, a buffer.
    AttentionPass(Engine& engine, const std::vector<char>& model, const std::vector<Image>& inputs, const char* extra);
    AttentionPass(const AttentionPass&) = delete;
    AttentionPass& operator=(const AttentionPass&) = delete;

    /// Uploads the weights and waits; once, before the first record(), on the queue that the runs go to.
    void upload(const Queue& queue);
    /// Records one run: input `slot`, in its layout -> its outputs. The caller's barriers stand before and after it; y
    /// comes into its layout here.
    void record(VkCommandBuffer commandBuffer, uint32_t slot = 0) const;

    /// The outputs, readable by shaders and by copies.
    const Image& y(uint32_t slot = 0) const { return slots_[slot].y; }
    const Buffer& extra(uint32_t slot = 0) const { return slots_[slot].extra; }
    VkDeviceSize memoryBytes(SacMemoryKind kind) const { return memory_[kind].size; }
    SacPlanProperties properties() const { return plan_.properties(); }

private:
    struct Slot {
        Image x, y;
        Buffer extra;
    };

    void createPlan(const Image& input, size_t runs);
    void createMemory();
    Slot createSlot(const Image& input);

    Engine& engine_;
    sac::Context context_;
    sac::Model model_;
    sac::Plan plan_;
    const char* extra_;
    std::vector<Slot> slots_;
    sac::MemoryRanges memory_{};
    void* staging_ = nullptr; ///< mapped
};

} // namespace frame
