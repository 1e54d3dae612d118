#include "ownership.hpp"

namespace frame {
namespace {

std::vector<VkBufferMemoryBarrier> barriers(std::initializer_list<Buffer> buffers, const Queue& from, const Queue& to,
                                            VkAccessFlags written, VkAccessFlags read) {
    std::vector<VkBufferMemoryBarrier> all;
    for (const Buffer& buffer : buffers)
        all.push_back({VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER, nullptr, written, read, from.family, to.family,
                       buffer.handle, 0, VK_WHOLE_SIZE});
    return all;
}

} // namespace

void releaseBuffers(VkCommandBuffer commandBuffer, std::initializer_list<Buffer> buffers, const Queue& from,
                    const Queue& to, VkPipelineStageFlags stage, VkAccessFlags written) {
    const auto all = barriers(buffers, from, to, written, 0);
    vkCmdPipelineBarrier(commandBuffer, stage, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0, nullptr,
                         static_cast<uint32_t>(all.size()), all.data(), 0, nullptr);
}

void acquireBuffers(VkCommandBuffer commandBuffer, std::initializer_list<Buffer> buffers, const Queue& from,
                    const Queue& to, VkPipelineStageFlags stage, VkAccessFlags read) {
    const auto all = barriers(buffers, from, to, 0, read);
    vkCmdPipelineBarrier(commandBuffer, stage, stage, 0, 0, nullptr, static_cast<uint32_t>(all.size()), all.data(), 0,
                         nullptr);
}

} // namespace frame
