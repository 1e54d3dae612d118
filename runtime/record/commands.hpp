// SPDX-License-Identifier: Apache-2.0
// Barriers and debug labels around dispatches.
//
// Barriers cover all memory: the library does not know which buffers or queue families the engine uses.
#pragma once

#include "vulkan/device.hpp"

namespace saccade {

/// What `from` did with `written` happens before, and is visible to, what `to` does with `used`.
inline void memoryBarrier(const Device& device, VkCommandBuffer commandBuffer, VkPipelineStageFlags from,
                          VkAccessFlags written, VkPipelineStageFlags to, VkAccessFlags used) {
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = written;
    barrier.dstAccessMask = used;
    device.vk.CmdPipelineBarrier(commandBuffer, from, to, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

/// Makes earlier compute writes visible to later compute work: the one barrier the library uses between dispatches.
inline void computeBarrier(const Device& device, VkCommandBuffer commandBuffer) {
    memoryBarrier(device, commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                  VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
}

/// A label of VK_EXT_debug_utils around what is recorded during its lifetime; does nothing where that extension is not
/// enabled.
class DebugLabel {
public:
    DebugLabel(const Device& device, VkCommandBuffer commandBuffer, const char* text)
        : device_(device),
          commandBuffer_(device.debugUtils && device.vk.CmdBeginDebugUtilsLabelEXT ? commandBuffer : nullptr) {
        if (!commandBuffer_)
            return;
        VkDebugUtilsLabelEXT label{};
        label.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT;
        label.pLabelName = text;
        device.vk.CmdBeginDebugUtilsLabelEXT(commandBuffer, &label);
    }
    ~DebugLabel() {
        if (commandBuffer_)
            device_.vk.CmdEndDebugUtilsLabelEXT(commandBuffer_);
    }
    DebugLabel(const DebugLabel&) = delete;
    DebugLabel& operator=(const DebugLabel&) = delete;

private:
    const Device& device_;
    VkCommandBuffer commandBuffer_; ///< null: no label was begun
};

} // namespace saccade
