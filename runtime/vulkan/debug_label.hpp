// Names for stretches of a command buffer, as debuggers and profilers show them.
#pragma once

#include "vulkan/device.hpp"

namespace saccade {

/// A label of VK_EXT_debug_utils around what is recorded in its life; nothing where that is not enabled.
class DebugLabel {
public:
    DebugLabel(const Device& device, VkCommandBuffer commandBuffer, const char* text);
    ~DebugLabel();
    DebugLabel(const DebugLabel&) = delete;
    DebugLabel& operator=(const DebugLabel&) = delete;

private:
    const Device& device_;
    VkCommandBuffer commandBuffer_; ///< null: no label was begun
};

} // namespace saccade
