// SPDX-License-Identifier: Apache-2.0
// As much of Vulkan as a replay takes.
#pragma once

#include <vulkan/vulkan.h>

#include <functional>
#include <string>
#include <vector>

#include "files.hpp"

namespace replay {

/// Throws where a call fails.
void check(VkResult result, const char* what);

/// Between everything of `from` and everything of `to`.
void barrier(VkCommandBuffer commandBuffer, VkPipelineStageFlags from, VkPipelineStageFlags to);

/// The first physical device, or SACCADE_DEVICE's by its index, with one queue that computes. 16-bit storage is enabled
/// where the device has it, and storage images that are written without a format.
class Device {
public:
    Device();
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    VkDevice handle() const { return handle_; }
    const char* name() const { return properties_.deviceName; }
    /// Memory for the host and the device.
    VkDeviceMemory allocate(const VkMemoryRequirements& needs, bool mapped) const;
    /// Lets `record` fill a command buffer, submits it and waits.
    void submit(const std::function<void(VkCommandBuffer)>& record) const;

private:
    VkInstance instance_ = VK_NULL_HANDLE;
    VkPhysicalDevice physical_ = VK_NULL_HANDLE;
    VkPhysicalDeviceProperties properties_{};
    VkDevice handle_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
    VkCommandPool pool_ = VK_NULL_HANDLE;
};

/// Mapped, of zeros.
struct Buffer {
    Buffer(const Device& device, VkDeviceSize size);
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    Span bytes() const { return {static_cast<char*>(data), static_cast<size_t>(size)}; }

    const Device& device;
    VkDeviceSize size;
    VkBuffer handle = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    void* data = nullptr;
};

/// An image of R16G16B16A16_SFLOAT, which is what bake makes, in layout GENERAL while dispatches use it.
class Image {
public:
    /// As the entries of a baked plan say.
    Image(const Device& device, const Json& tensor, const Json& image);
    ~Image();
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    VkImageView view() const { return view_; }
    Span texels() const { return staging_->bytes(); }
    void upload(VkCommandBuffer commandBuffer) const;
    void download(VkCommandBuffer commandBuffer) const;

private:
    const Device& device_;
    VkExtent3D extent_{};
    VkImage handle_ = VK_NULL_HANDLE;
    VkDeviceMemory memory_ = VK_NULL_HANDLE;
    VkImageView view_ = VK_NULL_HANDLE;
    std::unique_ptr<Buffer> staging_;
};

class Pipeline {
public:
    Pipeline(const Device& device, const Bytes& code, const std::string& entryPoint,
             const std::vector<VkDescriptorType>& bindings);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /// A set for one dispatch.
    VkDescriptorSet allocateSet() const;
    /// A buffer is bound whole.
    void write(VkDescriptorSet set, uint32_t binding, const Buffer& buffer) const;
    void write(VkDescriptorSet set, uint32_t binding, const Image& image) const;
    void bind(VkCommandBuffer commandBuffer, VkDescriptorSet set) const;

private:
    const Device& device_;
    std::vector<VkDescriptorType> types_;
    VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipeline handle_ = VK_NULL_HANDLE;
    mutable std::vector<VkDescriptorPool> pools_;
};

} // namespace replay
