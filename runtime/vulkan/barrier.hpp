// Barriers over all memory: the library knows neither which buffers nor which families the engine uses.
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

} // namespace saccade
