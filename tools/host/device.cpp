// SPDX-License-Identifier: Apache-2.0
#include "host/device.hpp"

#include <cstdlib>
#include <cstring>

#include "host/errors.hpp"
#include "host/profile.hpp"

namespace saccade::host {

Device::Device(Instance& instance, const PhysicalDevice& physical, const DeviceOptions& options)
    : instance_(instance), physical_(physical) {
    chooseQueueFamilies(options);
    vkGetPhysicalDeviceMemoryProperties(physical.handle, &memory_);

    const bool gpuAssisted = instance.validation() == Validation::gpuAssisted;
    const bool pushDescriptors = options.pushDescriptors && (!gpuAssisted || instance.followsPushDescriptors());
    features_ = physical.support.features;
    if (!pushDescriptors)
        features_ &= ~SAC_FEATURE_PUSH_DESCRIPTOR_BIT;
    if (!options.storage16Bit)
        features_ &= ~SAC_FEATURE_STORAGE_16BIT_BIT;
    chooseProfile(options);

    std::vector<const char*> extensions;
    for (uint32_t i = 0; i < physical.support.extensionCount; ++i) {
        const char* extension = physical.support.extensions[i];
        const bool pushes = !std::strcmp(extension, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
        if (!pushes || pushDescriptors)
            extensions.push_back(extension);
    }

    VkPhysicalDevice16BitStorageFeatures storage16{};
    storage16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
    storage16.storageBuffer16BitAccess = (features_ & SAC_FEATURE_STORAGE_16BIT_BIT) ? VK_TRUE : VK_FALSE;
    VkPhysicalDeviceFeatures2 enabled{};
    enabled.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    enabled.pNext = &storage16;
    enabled.features.shaderStorageImageWriteWithoutFormat =
        (features_ & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT) ? VK_TRUE : VK_FALSE;
    if (gpuAssisted) {
        // Instrumented shaders write their findings to a buffer; the layer warns where it has to enable this itself.
        VkPhysicalDeviceFeatures offered{};
        vkGetPhysicalDeviceFeatures(physical.handle, &offered);
        enabled.features.fragmentStoresAndAtomics = offered.fragmentStoresAndAtomics;
        enabled.features.vertexPipelineStoresAndAtomics = offered.vertexPipelineStoresAndAtomics;
    }

    const float priority = 1;
    std::vector<VkDeviceQueueCreateInfo> queues;
    for (const uint32_t family : {queueFamily_, asyncQueueFamily_})
        if (family != VK_QUEUE_FAMILY_IGNORED)
            queues.push_back({VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, family, 1, &priority});

    VkDeviceCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    info.pNext = &enabled;
    info.queueCreateInfoCount = static_cast<uint32_t>(queues.size());
    info.pQueueCreateInfos = queues.data();
    info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
    info.ppEnabledExtensionNames = extensions.data();
    checkVulkan(vkCreateDevice(physical.handle, &info, nullptr, &handle_), "vkCreateDevice");
    vkGetDeviceQueue(handle_, queueFamily_, 0, &queue_);
    if (asyncQueueFamily_ != VK_QUEUE_FAMILY_IGNORED)
        vkGetDeviceQueue(handle_, asyncQueueFamily_, 0, &asyncQueue_);

    if (instance.debugUtils())
        features_ |= SAC_FEATURE_DEBUG_UTILS_BIT;

    const VkPipelineCacheCreateInfo cache{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, nullptr, 0,
                                          options.pipelineCacheData.size(), options.pipelineCacheData.data()};
    const VkResult result = vkCreatePipelineCache(handle_, &cache, nullptr, &pipelineCache_);
    if (result != VK_SUCCESS) {
        vkDestroyDevice(handle_, nullptr);
        checkVulkan(result, "vkCreatePipelineCache");
    }
}

Device::~Device() {
    vkDestroyPipelineCache(handle_, pipelineCache_, nullptr);
    vkDestroyDevice(handle_, nullptr);
}

std::vector<std::byte> Device::pipelineCacheData() const {
    std::size_t size = 0;
    checkVulkan(vkGetPipelineCacheData(handle_, pipelineCache_, &size, nullptr), "vkGetPipelineCacheData");
    std::vector<std::byte> data(size);
    checkVulkan(vkGetPipelineCacheData(handle_, pipelineCache_, &size, data.data()), "vkGetPipelineCacheData");
    data.resize(size);
    return data;
}

void Device::chooseQueueFamilies(const DeviceOptions& options) {
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical_.handle, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical_.handle, &count, families.data());

    VkQueueFlags wanted = VK_QUEUE_COMPUTE_BIT;
    if (options.graphics)
        wanted |= VK_QUEUE_GRAPHICS_BIT;
    for (uint32_t i = 0; i < count; ++i) {
        const VkQueueFlags flags = families[i].queueFlags;
        if (queueFamily_ == VK_QUEUE_FAMILY_IGNORED && (flags & wanted) == wanted) {
            queueFamily_ = i;
            timestampBits_ = families[i].timestampValidBits;
        } else if (options.asyncCompute && (flags & VK_QUEUE_COMPUTE_BIT) && !(flags & VK_QUEUE_GRAPHICS_BIT)) {
            asyncQueueFamily_ = i;
        }
    }
    if (queueFamily_ == VK_QUEUE_FAMILY_IGNORED)
        throw DeviceError(std::string(name()) + " has no queue that computes" + (options.graphics ? " and draws" : ""));
}

void Device::chooseProfile(const DeviceOptions& options) {
    const char* environment = std::getenv("SACCADE_PROFILE");
    const std::string wanted = options.profile.empty() && environment ? environment : options.profile;
    if (wanted.empty())
        return;
    SacDeviceProfile own = physical_.support.profile;
    own.pushDescriptors = (features_ & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
    own.storageBuffer16BitAccess = (features_ & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
    own.shaderStorageImageWriteWithoutFormat = (features_ & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT) != 0;
    profile_ = namedProfile(wanted, own);
}

double Device::milliseconds(uint64_t from, uint64_t to) const {
    // Higher bits than the valid ones are undefined, and the counter may have wrapped around.
    const uint64_t mask = timestampBits_ >= 64 ? ~uint64_t{0} : (uint64_t{1} << timestampBits_) - 1;
    return static_cast<double>((to - from) & mask) * physical_.properties.limits.timestampPeriod * 1e-6;
}

uint32_t Device::memoryType(uint32_t typeBits, VkMemoryPropertyFlags required, VkMemoryPropertyFlags preferred) const {
    for (const VkMemoryPropertyFlags flags : {required | preferred, required})
        for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i)
            if ((typeBits & (1u << i)) && (memory_.memoryTypes[i].propertyFlags & flags) == flags)
                return i;
    throw DeviceError(std::string(name()) + " has no memory type that a buffer needs");
}

SacContextInfo contextInfo(const Device& device, PFN_vkGetInstanceProcAddr load) {
    SacContextInfo info = sac::make<SacContextInfo>();
    info.getInstanceProcAddr = load;
    info.instance = device.instance().handle();
    info.physicalDevice = device.physical().handle;
    info.device = device.handle();
    info.enabledFeatures = device.features();
    info.pipelineCache = device.pipelineCache();
    info.profile = device.profile();
    return info;
}

} // namespace saccade::host
