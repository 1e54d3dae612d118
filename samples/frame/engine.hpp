// SPDX-License-Identifier: Apache-2.0
// A small engine: a device with its queues, memory, and command buffers.
#pragma once

#include <vulkan/vulkan.h>

#include <functional>
#include <string>
#include <vector>

#include "queues.hpp"

namespace frame {

/// Throws std::runtime_error naming the call unless `result` is VK_SUCCESS.
void check(VkResult result, const char* call);

struct Buffer {
    VkBuffer handle = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceSize size = 0;
    void* data = nullptr; ///< host address of host-visible buffers
};

struct Image {
    VkImage handle = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkImageView view = VK_NULL_HANDLE;
    VkFormat format = VK_FORMAT_UNDEFINED;
    VkExtent3D extent{};
    VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED; ///< that it is in between passes
};

/// Makes what `from` wrote as `written` visible to `to` as `read`.
void barrier(VkCommandBuffer commandBuffer, VkPipelineStageFlags from, VkAccessFlags written, VkPipelineStageFlags to,
             VkAccessFlags read);
/// Copies the whole, in the image's layout, to a buffer of at least its size.
void copy(VkCommandBuffer commandBuffer, const Image& from, const Buffer& to);
void copy(VkCommandBuffer commandBuffer, const Buffer& from, const Buffer& to);

/// What attention wants of the device beyond Vulkan 1.1; found by the caller before the device is made.
struct DeviceWishes {
    std::vector<const char*> extensions;
    bool storageBuffer16BitAccess = false;
};

struct Queue {
    VkQueue handle = VK_NULL_HANDLE;
    uint32_t family = 0;
    VkCommandPool pool = VK_NULL_HANDLE;
};

struct EngineInfo {
    /// Part of a device's name; empty for the first discrete, integrated, virtual or CPU device.
    std::string deviceName;
    std::function<DeviceWishes(VkInstance, VkPhysicalDevice)> wishes; ///< asked once the physical device is chosen
    bool secondQueue = false;
    std::vector<const char*> instanceExtensions; ///< the window system's
    /// Whether a queue family can present; without it the device is made without swapchains.
    std::function<bool(VkInstance, VkPhysicalDevice, uint32_t family)> canPresent;
};

class Engine {
public:
    explicit Engine(const EngineInfo& info);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    Buffer createBuffer(VkDeviceSize size, VkBufferUsageFlags usage, bool hostVisible, uint32_t memoryTypeBits = ~0u);
    /// A square of `size` pixels per side. It begins undefined; `layout` is what its passes leave it in.
    Image createImage(uint32_t size, VkFormat format, VkImageUsageFlags usage, VkImageLayout layout);
    VkShaderModule createShader(const uint32_t* words, size_t bytes);

    /// The queue that draws and presents, and the one that work beside it goes to: the same one where the device has no
    /// other, or where none was asked for.
    const Queue& queue() const { return queue_; }
    const Queue& secondQueue() const { return second_; }
    /// The second queue in words.
    const std::string& secondQueueName() const { return queues_.second; }

    /// Valid as long as the engine; can be recorded again.
    VkCommandBuffer createCommandBuffer(const Queue& queue);
    /// Records a command buffer with `record`, submits it and waits.
    void submit(const Queue& queue, const std::function<void(VkCommandBuffer)>& record);

    /// Writes timestamp `index` (at most 15) after everything recorded so far.
    void mark(VkCommandBuffer commandBuffer, uint32_t index);
    /// Milliseconds from timestamp `first` to `second`, which have been written.
    double milliseconds(uint32_t first, uint32_t second);

    VkInstance instance() const { return instance_; }
    VkPhysicalDevice physicalDevice() const { return physicalDevice_; }
    VkDevice device() const { return device_; }
    const std::string& deviceName() const { return deviceName_; }

private:
    void choosePhysicalDevice(const std::string& name);
    void createDevice(DeviceWishes wishes, bool withSecond, bool withSwapchain);
    Queue openQueue(uint32_t family, uint32_t index);
    VkDeviceMemory allocate(const VkMemoryRequirements& requirements, VkMemoryPropertyFlags properties);

    VkInstance instance_ = VK_NULL_HANDLE;
    VkPhysicalDevice physicalDevice_ = VK_NULL_HANDLE;
    std::string deviceName_;
    float timestampPeriod_ = 1;
    VkPhysicalDeviceMemoryProperties memory_{};
    VkDevice device_ = VK_NULL_HANDLE;
    QueueChoice queues_;
    Queue queue_, second_;
    VkFence fence_ = VK_NULL_HANDLE;
    VkQueryPool timestamps_ = VK_NULL_HANDLE;
    std::vector<Buffer> buffers_;
    std::vector<Image> images_;
    std::vector<VkShaderModule> shaders_;
};

} // namespace frame
