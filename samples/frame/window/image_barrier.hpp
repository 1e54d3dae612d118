// SPDX-License-Identifier: Apache-2.0
// Layouts of images that are copied from and to.
#pragma once

#include <vulkan/vulkan.h>

namespace frame {

/// Between copies: what was copied before is visible to the copies after, in the new layout.
inline void changeLayout(VkCommandBuffer commandBuffer, VkImage image, VkImageLayout from, VkImageLayout to) {
    VkImageMemoryBarrier info{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
    info.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    info.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    info.oldLayout = from;
    info.newLayout = to;
    info.srcQueueFamilyIndex = info.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    info.image = image;
    info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, nullptr,
                         0, nullptr, 1, &info);
}

} // namespace frame
