// A small engine: a device with one graphics and compute queue, memory, and one command buffer per frame.
#pragma once

#include <vulkan/vulkan.h>

#include <functional>
#include <string>
#include <vector>

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
};

/// What attention wants of the device beyond Vulkan 1.1; found by the caller before the device is made.
struct DeviceWishes {
    std::vector<const char*> extensions;
    bool storageBuffer16BitAccess = false;
};

class Engine {
public:
    /// `deviceName`: part of a device's name; empty for the first discrete, integrated, virtual or CPU device.
    /// `wishes` is asked once the physical device is chosen.
    Engine(const std::string& deviceName, const std::function<DeviceWishes(VkInstance, VkPhysicalDevice)>& wishes);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    Buffer createBuffer(VkDeviceSize size, VkBufferUsageFlags usage, bool hostVisible, uint32_t memoryTypeBits = ~0u);
    Image createImage(uint32_t width, uint32_t height, VkFormat format, VkImageUsageFlags usage);
    VkShaderModule createShader(const uint32_t* words, size_t bytes);

    /// Records a command buffer with `record`, submits it and waits: the sample shows one frame after another.
    void submit(const std::function<void(VkCommandBuffer)>& record);

    /// Writes timestamp `index` (at most 15) after everything recorded so far.
    void mark(VkCommandBuffer commandBuffer, uint32_t index);
    /// Milliseconds from timestamp `first` to `second` of the last submission.
    double milliseconds(uint32_t first, uint32_t second);

    VkInstance instance() const { return instance_; }
    VkPhysicalDevice physicalDevice() const { return physicalDevice_; }
    VkDevice device() const { return device_; }
    const std::string& deviceName() const { return deviceName_; }

private:
    void choosePhysicalDevice(const std::string& name);
    void createDevice(const DeviceWishes& wishes);
    VkDeviceMemory allocate(const VkMemoryRequirements& requirements, VkMemoryPropertyFlags properties);

    VkInstance instance_ = VK_NULL_HANDLE;
    VkPhysicalDevice physicalDevice_ = VK_NULL_HANDLE;
    std::string deviceName_;
    float timestampPeriod_ = 1;
    VkPhysicalDeviceMemoryProperties memory_{};
    VkDevice device_ = VK_NULL_HANDLE;
    uint32_t family_ = 0;
    VkQueue queue_ = VK_NULL_HANDLE;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commandBuffer_ = VK_NULL_HANDLE;
    VkFence fence_ = VK_NULL_HANDLE;
    VkQueryPool timestamps_ = VK_NULL_HANDLE;
    std::vector<Buffer> buffers_;
    std::vector<Image> images_;
    std::vector<VkShaderModule> shaders_;
};

} // namespace frame
