// SPDX-License-Identifier: Apache-2.0
// An image with a host copy of its texels, as an engine would hand it to the library.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <span>
#include <vector>

#include "host/buffer.hpp"
#include "host/device.hpp"

namespace saccade::test {

class Image {
public:
    /// `layers` 1: a 2D view; more: 2D_ARRAY. `texelBytes`: of a pixel in a buffer that is copied to or from it.
    Image(const host::Device& device, VkFormat format, uint32_t texelBytes, uint32_t width, uint32_t height,
          uint32_t layers, VkImageUsageFlags usage);
    ~Image();
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    VkImage handle() const { return handle_; }
    VkImageView view() const { return view_; }
    /// Texels, rows of a layer after each other, layer after layer.
    std::span<std::byte> texels() const { return staging_.mapped(); }

    /// Copies texels() to the image and leaves it in `layout`, visible to compute shaders.
    void upload(VkCommandBuffer commandBuffer, VkImageLayout layout) const;
    /// Copies what compute shaders wrote, in layout GENERAL, to texels().
    void download(VkCommandBuffer commandBuffer) const;

private:
    VkBufferImageCopy copy() const;

    const host::Device& device_;
    VkImageAspectFlags aspect_;
    VkExtent3D extent_;
    uint32_t layers_;
    VkImage handle_ = VK_NULL_HANDLE;
    VkDeviceMemory memory_ = VK_NULL_HANDLE;
    VkImageView view_ = VK_NULL_HANDLE;
    host::Buffer staging_;
};

} // namespace saccade::test
