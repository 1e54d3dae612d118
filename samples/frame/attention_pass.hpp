// Saccade inside the engine: everything a program needs to do to have attention in its frame.
#pragma once

#include <saccade/saccade.h>

#include <string>
#include <vector>

#include "engine.hpp"

namespace frame {

/// What the device should offer, asked before it exists.
DeviceWishes attentionWishes(VkInstance instance, VkPhysicalDevice physicalDevice);

/// A checkpoint at one input shape, with the memory it needs. Each input has outputs of its own, so that one run's can
/// be read while the next run writes; the workspace is shared, so runs follow one another.
class AttentionPass {
public:
    /// `hostVisible`: whether the host reads the outputs.
    AttentionPass(Engine& engine, const std::vector<char>& model, const std::vector<Buffer>& inputs, uint32_t cells,
                  const std::vector<std::string>& outputs, bool hostVisible);
    ~AttentionPass();
    AttentionPass(const AttentionPass&) = delete;
    AttentionPass& operator=(const AttentionPass&) = delete;

    /// Uploads the weights and waits; once, before the first record(), on the queue that the runs go to.
    void upload(const Queue& queue);
    /// Records one run: input `slot` -> its outputs. The caller's barriers stand before and after it.
    void record(VkCommandBuffer commandBuffer, uint32_t slot = 0) const;

    /// Output `index` of those asked for.
    const Buffer& output(size_t index, uint32_t slot = 0) const { return slots_[slot].outputs[index]; }
    VkDeviceSize memoryBytes(SacMemoryKind kind) const { return memory_[kind].size; }
    const SacPlanProperties& properties() const { return properties_; }

private:
    struct Slot {
        std::vector<Buffer> outputs;
        std::vector<SacTensorBinding> bindings;
    };

    void createPlan(const std::vector<char>& model, uint32_t cells, const std::vector<std::string>& outputs,
                    size_t runs);
    void createMemory();
    Slot createSlot(const Buffer& input, bool hostVisible);
    SacBufferRange range(SacMemoryKind kind) const { return {memory_[kind].handle, 0, memory_[kind].size}; }

    Engine& engine_;
    SacContext context_ = nullptr;
    SacModel model_ = nullptr;
    SacPlan plan_ = nullptr;
    SacPlanProperties properties_{};
    std::vector<SacTensorInfo> tensors_; ///< the input "x", then the outputs
    std::vector<Slot> slots_;
    Buffer memory_[SAC_MEMORY_KIND_COUNT];
};

} // namespace frame
