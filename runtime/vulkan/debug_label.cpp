#include "vulkan/debug_label.hpp"

namespace saccade {

DebugLabel::DebugLabel(const Device& device, VkCommandBuffer commandBuffer, const char* text)
    : device_(device),
      commandBuffer_(device.debugUtils && device.vk.CmdBeginDebugUtilsLabelEXT ? commandBuffer : nullptr) {
    if (!commandBuffer_)
        return;
    VkDebugUtilsLabelEXT label{};
    label.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT;
    label.pLabelName = text;
    device.vk.CmdBeginDebugUtilsLabelEXT(commandBuffer, &label);
}

DebugLabel::~DebugLabel() {
    if (commandBuffer_)
        device_.vk.CmdEndDebugUtilsLabelEXT(commandBuffer_);
}

} // namespace saccade
