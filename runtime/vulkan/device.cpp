// SPDX-License-Identifier: Apache-2.0
#include "vulkan/device.hpp"

#include "base/error.hpp"

namespace saccade {

bool Device::supports(VkFormat format, VkFormatFeatureFlags features) const {
    if (!handle)
        return true;
    VkFormatProperties properties{};
    instance.GetPhysicalDeviceFormatProperties(physical, format, &properties);
    return (properties.optimalTilingFeatures & features) == features;
}

void Device::setName(VkObjectType type, uint64_t object, const char* name) const {
    if (!debugUtils || !vk.SetDebugUtilsObjectNameEXT)
        return;
    VkDebugUtilsObjectNameInfoEXT info{};
    info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT;
    info.objectType = type;
    info.objectHandle = object;
    info.pObjectName = name;
    vk.SetDebugUtilsObjectNameEXT(handle, &info); // a name that cannot be set is no reason to fail
}

void check(VkResult result, const char* function) {
    switch (result) {
    case VK_SUCCESS:
        return;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        throw Error(SAC_ERROR_OUT_OF_HOST_MEMORY, "%s: VK_ERROR_OUT_OF_HOST_MEMORY", function);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
        throw Error(SAC_ERROR_OUT_OF_DEVICE_MEMORY, "%s: out of device memory (VkResult %d)", function, result);
    case VK_ERROR_DEVICE_LOST:
        throw Error(SAC_ERROR_DEVICE_LOST, "%s: VK_ERROR_DEVICE_LOST", function);
    default:
        throw Error(SAC_ERROR_VULKAN, "%s failed with VkResult %d", function, result);
    }
}

} // namespace saccade
