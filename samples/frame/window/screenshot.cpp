// SPDX-License-Identifier: Apache-2.0
#include "screenshot.hpp"

#include <stdexcept>

#include "../picture.hpp"

namespace frame {

void Screenshot::record(Engine& engine, VkCommandBuffer commandBuffer, VkImage image, VkExtent2D extent, bool bgr) {
    extent_ = extent;
    bgr_ = bgr;
    buffer_ =
        engine.createBuffer(VkDeviceSize(extent.width) * extent.height * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, true);
    VkBufferImageCopy region{};
    region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.imageExtent = {extent.width, extent.height, 1};
    vkCmdCopyImageToBuffer(commandBuffer, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer_.handle, 1, &region);
    barrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
            VK_ACCESS_HOST_READ_BIT);
}

void Screenshot::write(const std::string& path) const {
    if (!buffer_.data)
        throw std::runtime_error("no screenshot: the window was closed before it showed its last frame");
    Picture picture(extent_.width, extent_.height);
    const uint8_t* bytes = static_cast<const uint8_t*>(buffer_.data);
    for (uint32_t y = 0; y < extent_.height; ++y)
        for (uint32_t x = 0; x < extent_.width; ++x, bytes += 4)
            picture.at(x, y) = glm::vec3(bytes[bgr_ ? 2 : 0], bytes[1], bytes[bgr_ ? 0 : 2]) / 255.0f;
    picture.writePng(path);
}

} // namespace frame
