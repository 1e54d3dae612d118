// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace frame {
namespace {

constexpr uint32_t timestampCount = 16;

int preference(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return 2;
    default:
        return 3;
    }
}

bool hasInstanceExtension(const char* name) {
    uint32_t count = 0;
    check(vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr), "vkEnumerateInstanceExtensionProperties");
    std::vector<VkExtensionProperties> all(count);
    check(vkEnumerateInstanceExtensionProperties(nullptr, &count, all.data()),
          "vkEnumerateInstanceExtensionProperties");
    return std::any_of(all.begin(), all.end(),
                       [&](const VkExtensionProperties& e) { return !std::strcmp(e.extensionName, name); });
}

} // namespace

void check(VkResult result, const char* call) {
    if (result != VK_SUCCESS)
        throw std::runtime_error(std::string(call) + " failed with VkResult " + std::to_string(result));
}

void barrier(VkCommandBuffer commandBuffer, VkPipelineStageFlags from, VkAccessFlags written, VkPipelineStageFlags to,
             VkAccessFlags read) {
    VkMemoryBarrier info{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    info.srcAccessMask = written;
    info.dstAccessMask = read;
    vkCmdPipelineBarrier(commandBuffer, from, to, 0, 1, &info, 0, nullptr, 0, nullptr);
}

void copy(VkCommandBuffer commandBuffer, const Image& from, const Buffer& to) {
    VkBufferImageCopy region{};
    region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.imageExtent = from.extent;
    vkCmdCopyImageToBuffer(commandBuffer, from.handle, from.layout, to.handle, 1, &region);
}

void copy(VkCommandBuffer commandBuffer, const Buffer& from, const Buffer& to) {
    const VkBufferCopy region{0, 0, from.size};
    vkCmdCopyBuffer(commandBuffer, from.handle, to.handle, 1, &region);
}

Engine::Engine(const EngineInfo& info) {
    VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    application.pApplicationName = "saccade frame";
    application.apiVersion = VK_API_VERSION_1_1;
    VkInstanceCreateInfo instanceInfo{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    instanceInfo.pApplicationInfo = &application;
    std::vector<const char*> extensions = info.instanceExtensions;
    // Portability drivers (MoltenVK) are listed to whom asks for them.
    if (hasInstanceExtension(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
        instanceInfo.flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
        extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    }
    instanceInfo.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
    instanceInfo.ppEnabledExtensionNames = extensions.data();
    check(vkCreateInstance(&instanceInfo, nullptr, &instance_), "vkCreateInstance");
    choosePhysicalDevice(info.deviceName);
    const auto queues = chooseQueues(physicalDevice_, [&](uint32_t family) {
        return !info.canPresent || info.canPresent(instance_, physicalDevice_, family);
    });
    if (!queues)
        throw std::runtime_error(deviceName_ + " has no queue for graphics, compute and timestamps" +
                                 (info.canPresent ? " that can present to this window system" : ""));
    queues_ = *queues;
    createDevice(info.wishes(instance_, physicalDevice_), info.secondQueue, info.canPresent != nullptr);
}

void Engine::choosePhysicalDevice(const std::string& name) {
    uint32_t count = 0;
    check(vkEnumeratePhysicalDevices(instance_, &count, nullptr), "vkEnumeratePhysicalDevices");
    std::vector<VkPhysicalDevice> devices(count);
    check(vkEnumeratePhysicalDevices(instance_, &count, devices.data()), "vkEnumeratePhysicalDevices");
    int best = 100;
    for (VkPhysicalDevice device : devices) {
        VkPhysicalDeviceProperties properties;
        vkGetPhysicalDeviceProperties(device, &properties);
        if (std::string(properties.deviceName).find(name) == std::string::npos)
            continue;
        if (preference(properties.deviceType) >= best)
            continue;
        best = preference(properties.deviceType);
        physicalDevice_ = device;
        deviceName_ = properties.deviceName;
        timestampPeriod_ = properties.limits.timestampPeriod;
    }
    if (!physicalDevice_)
        throw std::runtime_error("no Vulkan device whose name contains \"" + name + "\"");
    vkGetPhysicalDeviceMemoryProperties(physicalDevice_, &memory_);
}

void Engine::createDevice(DeviceWishes wishes, bool withSecond, bool withSwapchain) {
    if (!withSecond) {
        queues_.secondFamily = queues_.family;
        queues_.secondIndex = 0;
    }
    if (withSwapchain)
        wishes.extensions.push_back(VK_KHR_SWAPCHAIN_EXTENSION_NAME);
    const float priorities[] = {1, 1};
    const bool families = queues_.secondFamily != queues_.family;
    VkDeviceQueueCreateInfo queues[2]{};
    for (VkDeviceQueueCreateInfo& queue : queues) {
        queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
        queue.queueFamilyIndex = &queue == queues ? queues_.family : queues_.secondFamily;
        queue.queueCount = 1 + queues_.secondIndex;
        queue.pQueuePriorities = priorities;
    }
    VkPhysicalDevice16BitStorageFeatures storage16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    storage16.storageBuffer16BitAccess = wishes.storageBuffer16BitAccess;
    VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
    info.pNext = &storage16;
    info.queueCreateInfoCount = families ? 2 : 1;
    info.pQueueCreateInfos = queues;
    info.enabledExtensionCount = static_cast<uint32_t>(wishes.extensions.size());
    info.ppEnabledExtensionNames = wishes.extensions.data();
    check(vkCreateDevice(physicalDevice_, &info, nullptr, &device_), "vkCreateDevice");
    queue_ = openQueue(queues_.family, 0);
    second_ = families || queues_.secondIndex ? openQueue(queues_.secondFamily, queues_.secondIndex) : queue_;

    VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    check(vkCreateFence(device_, &fence, nullptr, &fence_), "vkCreateFence");
    VkQueryPoolCreateInfo queries{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
    queries.queryType = VK_QUERY_TYPE_TIMESTAMP;
    queries.queryCount = timestampCount;
    check(vkCreateQueryPool(device_, &queries, nullptr, &timestamps_), "vkCreateQueryPool");
}

Queue Engine::openQueue(uint32_t family, uint32_t index) {
    Queue queue;
    queue.family = family;
    vkGetDeviceQueue(device_, family, index, &queue.handle);
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
    pool.queueFamilyIndex = family;
    check(vkCreateCommandPool(device_, &pool, nullptr, &queue.pool), "vkCreateCommandPool");
    return queue;
}

VkCommandBuffer Engine::createCommandBuffer(const Queue& queue) {
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = queue.pool;
    info.commandBufferCount = 1;
    VkCommandBuffer commandBuffer = VK_NULL_HANDLE;
    check(vkAllocateCommandBuffers(device_, &info, &commandBuffer), "vkAllocateCommandBuffers");
    return commandBuffer;
}

Engine::~Engine() {
    for (VkShaderModule shader : shaders_)
        vkDestroyShaderModule(device_, shader, nullptr);
    for (const Image& image : images_) {
        vkDestroyImageView(device_, image.view, nullptr);
        vkDestroyImage(device_, image.handle, nullptr);
        vkFreeMemory(device_, image.memory, nullptr);
    }
    for (const Buffer& buffer : buffers_) {
        vkDestroyBuffer(device_, buffer.handle, nullptr);
        vkFreeMemory(device_, buffer.memory, nullptr);
    }
    if (device_) {
        vkDestroyQueryPool(device_, timestamps_, nullptr);
        vkDestroyFence(device_, fence_, nullptr);
        if (second_.pool != queue_.pool)
            vkDestroyCommandPool(device_, second_.pool, nullptr);
        vkDestroyCommandPool(device_, queue_.pool, nullptr);
        vkDestroyDevice(device_, nullptr);
    }
    vkDestroyInstance(instance_, nullptr);
}

VkDeviceMemory Engine::allocate(const VkMemoryRequirements& requirements, VkMemoryPropertyFlags properties) {
    VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    info.allocationSize = requirements.size;
    for (uint32_t type = 0; type < memory_.memoryTypeCount; ++type) {
        const bool fits = (memory_.memoryTypes[type].propertyFlags & properties) == properties;
        if (!(requirements.memoryTypeBits >> type & 1) || !fits)
            continue;
        info.memoryTypeIndex = type;
        VkDeviceMemory memory = VK_NULL_HANDLE;
        check(vkAllocateMemory(device_, &info, nullptr, &memory), "vkAllocateMemory");
        return memory;
    }
    throw std::runtime_error("no memory type for a buffer or image");
}

Buffer Engine::createBuffer(VkDeviceSize size, VkBufferUsageFlags usage, bool hostVisible, uint32_t memoryTypeBits) {
    Buffer& buffer = buffers_.emplace_back();
    buffer.size = std::max<VkDeviceSize>(size, 4);
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = buffer.size;
    info.usage = usage;
    check(vkCreateBuffer(device_, &info, nullptr, &buffer.handle), "vkCreateBuffer");
    VkMemoryRequirements requirements;
    vkGetBufferMemoryRequirements(device_, buffer.handle, &requirements);
    requirements.memoryTypeBits &= memoryTypeBits;
    buffer.memory =
        allocate(requirements, hostVisible ? VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
                                           : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    check(vkBindBufferMemory(device_, buffer.handle, buffer.memory, 0), "vkBindBufferMemory");
    if (hostVisible)
        check(vkMapMemory(device_, buffer.memory, 0, VK_WHOLE_SIZE, 0, &buffer.data), "vkMapMemory");
    return buffer;
}

Image Engine::createImage(uint32_t size, VkFormat format, VkImageUsageFlags usage, VkImageLayout layout) {
    Image& image = images_.emplace_back();
    image.format = format;
    image.extent = {size, size, 1};
    image.layout = layout;
    VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = format;
    info.extent = image.extent;
    info.mipLevels = info.arrayLayers = 1;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.usage = usage;
    check(vkCreateImage(device_, &info, nullptr, &image.handle), "vkCreateImage");
    VkMemoryRequirements requirements;
    vkGetImageMemoryRequirements(device_, image.handle, &requirements);
    image.memory = allocate(requirements, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    check(vkBindImageMemory(device_, image.handle, image.memory, 0), "vkBindImageMemory");
    VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
    view.image = image.handle;
    view.viewType = VK_IMAGE_VIEW_TYPE_2D;
    view.format = format;
    view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    check(vkCreateImageView(device_, &view, nullptr, &image.view), "vkCreateImageView");
    return image;
}

VkShaderModule Engine::createShader(const uint32_t* words, size_t bytes) {
    VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    info.codeSize = bytes;
    info.pCode = words;
    VkShaderModule& shader = shaders_.emplace_back();
    check(vkCreateShaderModule(device_, &info, nullptr, &shader), "vkCreateShaderModule");
    return shader;
}

void Engine::submit(const Queue& queue, const std::function<void(VkCommandBuffer)>& record) {
    const VkCommandBuffer commandBuffer = createCommandBuffer(queue);
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check(vkBeginCommandBuffer(commandBuffer, &begin), "vkBeginCommandBuffer");
    record(commandBuffer);
    check(vkEndCommandBuffer(commandBuffer), "vkEndCommandBuffer");
    VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    info.commandBufferCount = 1;
    info.pCommandBuffers = &commandBuffer;
    check(vkQueueSubmit(queue.handle, 1, &info, fence_), "vkQueueSubmit");
    check(vkWaitForFences(device_, 1, &fence_, VK_TRUE, UINT64_MAX), "vkWaitForFences");
    check(vkResetFences(device_, 1, &fence_), "vkResetFences");
    vkFreeCommandBuffers(device_, queue.pool, 1, &commandBuffer);
}

void Engine::mark(VkCommandBuffer commandBuffer, uint32_t index) {
    vkCmdResetQueryPool(commandBuffer, timestamps_, index, 1);
    vkCmdWriteTimestamp(commandBuffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, timestamps_, index);
}

double Engine::milliseconds(uint32_t first, uint32_t second) {
    uint64_t ticks[2] = {};
    check(vkGetQueryPoolResults(device_, timestamps_, first, 1, sizeof(uint64_t), &ticks[0], sizeof(uint64_t),
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
          "vkGetQueryPoolResults");
    check(vkGetQueryPoolResults(device_, timestamps_, second, 1, sizeof(uint64_t), &ticks[1], sizeof(uint64_t),
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
          "vkGetQueryPoolResults");
    return double(ticks[1] - ticks[0]) * timestampPeriod_ * 1e-6;
}

} // namespace frame
