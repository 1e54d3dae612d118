// Where the workgroup counts of a record lie when the device reads them from a buffer.
#pragma once

#include <cstdint>

#include <vulkan/vulkan_core.h>

namespace saccade {

/// One VkDispatchIndirectCommand for each dispatch, in blocks that begin where a storage buffer binding may.
struct IndirectCommands {
    static constexpr uint32_t perBlock = 10; ///< what push constants hold for one dispatch of the gate

    VkBuffer buffer = VK_NULL_HANDLE; ///< null: counts are recorded into the command buffer
    VkDeviceSize offset = 0;
    VkDeviceSize pitch = 0; ///< bytes from block to block

    VkDeviceSize at(uint32_t dispatch) const {
        return offset + dispatch / perBlock * pitch + dispatch % perBlock * sizeof(VkDispatchIndirectCommand);
    }
};

} // namespace saccade
