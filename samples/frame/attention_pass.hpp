// Saccade inside the engine: everything a program needs to do to have attention in its frame.
#pragma once

#include <saccade/saccade.h>

#include <string>
#include <vector>

#include "engine.hpp"

namespace frame {

/// What the device should offer, asked before it exists.
DeviceWishes attentionWishes(VkInstance instance, VkPhysicalDevice physicalDevice);

/// A checkpoint at one input shape, with the memory it needs. The outputs named are bound to host-visible buffers.
class AttentionPass {
public:
    AttentionPass(Engine& engine, const std::vector<char>& model, const Buffer& input, uint32_t cells,
                  const std::vector<std::string>& outputs);
    ~AttentionPass();
    AttentionPass(const AttentionPass&) = delete;
    AttentionPass& operator=(const AttentionPass&) = delete;

    /// Records the weights' upload; once, before the first record().
    void upload(VkCommandBuffer commandBuffer);
    /// Records one run into the frame: input -> outputs. The caller's barriers stand before and after it.
    void record(VkCommandBuffer commandBuffer) const;

    const float* output(size_t index) const { return static_cast<const float*>(outputs_[index].data); }
    SacTensorInfo outputInfo(size_t index) const { return tensors_[index + 1]; }
    VkDeviceSize memoryBytes(SacMemoryKind kind) const { return memory_[kind].size; }
    const SacPlanProperties& properties() const { return properties_; }

private:
    void createPlan(const std::vector<char>& model, uint32_t cells, const std::vector<std::string>& outputs);
    void createMemory(const Buffer& input);
    SacBufferRange range(SacMemoryKind kind) const { return {memory_[kind].handle, 0, memory_[kind].size}; }

    Engine& engine_;
    SacContext context_ = nullptr;
    SacModel model_ = nullptr;
    SacPlan plan_ = nullptr;
    SacPlanProperties properties_{};
    std::vector<SacTensorInfo> tensors_; ///< the input "x", then the outputs
    std::vector<Buffer> outputs_;
    std::vector<SacTensorBinding> bindings_;
    Buffer memory_[SAC_MEMORY_KIND_COUNT];
};

} // namespace frame
