// SPDX-License-Identifier: Apache-2.0
#include "ownership.hpp"

namespace frame {
namespace {

void record(VkCommandBuffer commandBuffer, const Handover& handover, VkPipelineStageFlags before,
            VkPipelineStageFlags after, VkAccessFlags written, VkAccessFlags read) {
    const uint32_t from = handover.from.family, to = handover.to.family;
    if (from == to)
        return;
    const VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    std::vector<VkImageMemoryBarrier> images;
    for (const Image& image : handover.images)
        images.push_back({VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER, nullptr, written, read, image.layout, image.layout,
                          from, to, image.handle, all});
    std::vector<VkBufferMemoryBarrier> buffers;
    for (const Buffer& buffer : handover.buffers)
        buffers.push_back({VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER, nullptr, written, read, from, to, buffer.handle, 0,
                           VK_WHOLE_SIZE});
    vkCmdPipelineBarrier(commandBuffer, before, after, 0, 0, nullptr, static_cast<uint32_t>(buffers.size()),
                         buffers.data(), static_cast<uint32_t>(images.size()), images.data());
}

} // namespace

void release(VkCommandBuffer commandBuffer, const Handover& handover, VkPipelineStageFlags stage,
             VkAccessFlags written) {
    record(commandBuffer, handover, stage, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, written, 0);
}

void acquire(VkCommandBuffer commandBuffer, const Handover& handover, VkPipelineStageFlags stage, VkAccessFlags read) {
    record(commandBuffer, handover, stage, stage, 0, read);
}

} // namespace frame
