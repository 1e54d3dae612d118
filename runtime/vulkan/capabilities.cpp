#include "vulkan/capabilities.hpp"

#include <cstring>
#include <vector>

#include "vulkan/device.hpp"

namespace saccade {
namespace {

// A driver that cannot answer is an error: taken for a device without the extension, it would choose another path
// without a word. The list is far too long for the stack of an engine's job.
bool hasExtension(const InstanceTable& vk, VkPhysicalDevice device, const char* name,
                  std::pmr::memory_resource* memory) {
    constexpr const char* function = "vkEnumerateDeviceExtensionProperties";
    uint32_t count = 0;
    check(vk.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr), function);
    std::pmr::vector<VkExtensionProperties> extensions(count, memory);
    const VkResult result = vk.EnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
    if (result != VK_INCOMPLETE)
        check(result, function);
    for (uint32_t i = 0; i < count; ++i)
        if (std::strcmp(extensions[i].extensionName, name) == 0)
            return true;
    return false;
}

} // namespace

Capabilities queryCapabilities(const InstanceTable& vk, VkPhysicalDevice device, std::pmr::memory_resource* memory) {
    VkPhysicalDeviceSubgroupProperties subgroup{};
    subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    VkPhysicalDeviceProperties2 properties{};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    properties.pNext = &subgroup;
    vk.GetPhysicalDeviceProperties2(device, &properties);

    VkPhysicalDevice16BitStorageFeatures storage16{};
    storage16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
    VkPhysicalDeviceFeatures2 features{};
    features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    features.pNext = &storage16;
    vk.GetPhysicalDeviceFeatures2(device, &features);

    const VkPhysicalDeviceLimits& limits = properties.properties.limits;
    Capabilities c;
    c.apiVersion = properties.properties.apiVersion;
    c.vendorId = properties.properties.vendorID;
    c.deviceType = properties.properties.deviceType;
    c.isCpu = c.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    c.subgroupSize = subgroup.subgroupSize ? subgroup.subgroupSize : 1;
    c.subgroupShuffle = (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                        (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
    c.maxSharedMemory = limits.maxComputeSharedMemorySize;
    c.maxInvocations = limits.maxComputeWorkGroupInvocations;
    for (int i = 0; i < 3; ++i) {
        c.maxGroupCount[i] = limits.maxComputeWorkGroupCount[i];
        c.maxGroupSize[i] = limits.maxComputeWorkGroupSize[i];
    }
    c.maxStorageBuffers = limits.maxPerStageDescriptorStorageBuffers;
    c.maxStorageBufferRange = limits.maxStorageBufferRange;
    c.storageBufferOffsetAlignment = static_cast<uint32_t>(limits.minStorageBufferOffsetAlignment);
    c.timestampPeriod = limits.timestampPeriod;
    c.pushDescriptors = hasExtension(vk, device, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME, memory);
    c.storage16Bit = storage16.storageBuffer16BitAccess == VK_TRUE;
    return c;
}

const char* unfitReason(const Capabilities& c) {
    if (c.apiVersion < VK_API_VERSION_1_1)
        return "the device is below Vulkan 1.1";
    return nullptr;
}

} // namespace saccade
