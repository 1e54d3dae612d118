// SPDX-License-Identifier: Apache-2.0
#include "support/image.hpp"

#include "host/errors.hpp"
#include "host/submitter.hpp"

namespace saccade::test {
namespace {

bool isDepth(VkFormat format) {
    return format == VK_FORMAT_D16_UNORM || format == VK_FORMAT_D32_SFLOAT || format == VK_FORMAT_X8_D24_UNORM_PACK32;
}

// What is done with an image on one side of a change of its layout.
struct Use {
    VkPipelineStageFlags stage;
    VkAccessFlags access;
    VkImageLayout layout;
};

void changeLayout(VkCommandBuffer commandBuffer, VkImage image, const VkImageSubresourceRange& range, const Use& from,
                  const Use& to) {
    VkImageMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
    barrier.srcAccessMask = from.access;
    barrier.dstAccessMask = to.access;
    barrier.oldLayout = from.layout;
    barrier.newLayout = to.layout;
    barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = image;
    barrier.subresourceRange = range;
    vkCmdPipelineBarrier(commandBuffer, from.stage, to.stage, 0, 0, nullptr, 0, nullptr, 1, &barrier);
}

} // namespace

Image::Image(const host::Device& device, VkFormat format, uint32_t texelBytes, uint32_t width, uint32_t height,
             uint32_t layers, VkImageUsageFlags usage)
    : device_(device),
      aspect_(isDepth(format) ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT), extent_{width, height, 1},
      layers_(layers),
      staging_(device, VkDeviceSize{texelBytes} * width * height * layers,
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT, host::BufferMemory::readback) {
    VkImageCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = format;
    info.extent = extent_;
    info.mipLevels = 1;
    info.arrayLayers = layers;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.tiling = VK_IMAGE_TILING_OPTIMAL;
    info.usage = usage | VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    if (isDepth(format)) // its read-only layout asks for the usage
        info.usage |= VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    host::checkVulkan(vkCreateImage(device.handle(), &info, nullptr, &handle_), "vkCreateImage");

    VkMemoryRequirements needed{};
    vkGetImageMemoryRequirements(device.handle(), handle_, &needed);
    VkMemoryAllocateInfo allocation{};
    allocation.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    allocation.allocationSize = needed.size;
    allocation.memoryTypeIndex = device.memoryType(needed.memoryTypeBits, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    host::checkVulkan(vkAllocateMemory(device.handle(), &allocation, nullptr, &memory_), "vkAllocateMemory");
    host::checkVulkan(vkBindImageMemory(device.handle(), handle_, memory_, 0), "vkBindImageMemory");

    VkImageViewCreateInfo view{};
    view.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
    view.image = handle_;
    view.viewType = layers > 1 ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_2D;
    view.format = format;
    view.subresourceRange = {aspect_, 0, 1, 0, layers};
    host::checkVulkan(vkCreateImageView(device.handle(), &view, nullptr, &view_), "vkCreateImageView");
}

Image::~Image() {
    vkDestroyImageView(device_.handle(), view_, nullptr);
    vkDestroyImage(device_.handle(), handle_, nullptr);
    vkFreeMemory(device_.handle(), memory_, nullptr);
}

VkBufferImageCopy Image::copy() const {
    VkBufferImageCopy region{};
    region.imageSubresource = {aspect_, 0, 0, layers_};
    region.imageExtent = extent_;
    return region;
}

void Image::upload(VkCommandBuffer commandBuffer, VkImageLayout layout) const {
    const VkImageSubresourceRange range{aspect_, 0, 1, 0, layers_};
    const Use copied{VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
                     VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL};
    changeLayout(commandBuffer, handle_, range, {VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, 0, VK_IMAGE_LAYOUT_UNDEFINED},
                 copied);
    const VkBufferImageCopy region = copy();
    vkCmdCopyBufferToImage(commandBuffer, staging_.handle(), handle_, copied.layout, 1, &region);
    changeLayout(
        commandBuffer, handle_, range, copied,
        {VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT, layout});
}

void Image::download(VkCommandBuffer commandBuffer) const {
    const Use copied{VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL};
    // TRANSFER too: the staging buffer was the source of upload's copy.
    changeLayout(commandBuffer, handle_, {aspect_, 0, 1, 0, layers_},
                 {VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                  VK_IMAGE_LAYOUT_GENERAL},
                 copied);
    const VkBufferImageCopy region = copy();
    vkCmdCopyImageToBuffer(commandBuffer, handle_, copied.layout, staging_.handle(), 1, &region);
    host::fullBarrier(commandBuffer);
}

} // namespace saccade::test
