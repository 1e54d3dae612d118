// SPDX-License-Identifier: Apache-2.0
// sacExtendDeviceCreateInfo.
#include "api/objects.hpp"

#include <algorithm>
#include <cstring>
#include <span>

using namespace saccade;

namespace {

// The library adds at most as many as SacDeviceSupport::extensions holds.
constexpr uint32_t mostListed = SAC_MAX_DEVICE_EXTENSIONS - std::extent_v<decltype(SacDeviceSupport::extensions)>;

// Vulkan's chains are const for whoever reads them; their structures are objects that the caller can write.
template <class Structure>
Structure* findStructure(const void* chain, VkStructureType type) {
    for (auto next = static_cast<const VkBaseInStructure*>(chain); next; next = next->pNext)
        if (next->sType == type)
            return reinterpret_cast<Structure*>(const_cast<VkBaseInStructure*>(next));
    return nullptr;
}

void checkCreateInfo(const VkDeviceCreateInfo& info) {
    if (info.sType != VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "createInfo->sType is %d, it must be VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO",
                    static_cast<int>(info.sType));
    if (info.enabledExtensionCount > mostListed)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "createInfo->enabledExtensionCount is %u, at most %u",
                    info.enabledExtensionCount, mostListed);
    if (info.enabledExtensionCount && !info.ppEnabledExtensionNames)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "createInfo->ppEnabledExtensionNames is null, but enabledExtensionCount is %u",
                    info.enabledExtensionCount);
    for (uint32_t i = 0; i < info.enabledExtensionCount; ++i)
        if (!info.ppEnabledExtensionNames[i])
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "createInfo->ppEnabledExtensionNames[%u] is null", i);
}

// The member of the chain's that enables 16-bit storage; null where no structure has it.
VkBool32* findStorage16(const void* chain) {
    auto* vulkan11 =
        findStructure<VkPhysicalDeviceVulkan11Features>(chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
    auto* storage16 = findStructure<VkPhysicalDevice16BitStorageFeatures>(
        chain, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
    if (vulkan11 && storage16)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "createInfo->pNext has both VkPhysicalDeviceVulkan11Features and "
                                                "VkPhysicalDevice16BitStorageFeatures, Vulkan allows one of them");
    return vulkan11 ? &vulkan11->storageBuffer16BitAccess : storage16 ? &storage16->storageBuffer16BitAccess : nullptr;
}

// Enables the feature in the chain's VkPhysicalDeviceFeatures2, or where there is none in a copy of pEnabledFeatures.
void enableWriteWithoutFormat(const VkDeviceCreateInfo& info, SacExtendedDeviceCreateInfo& out) {
    if (auto* features =
            findStructure<VkPhysicalDeviceFeatures2>(info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2)) {
        VkBool32& feature = features->features.shaderStorageImageWriteWithoutFormat;
        if (!feature)
            out.changed[1] = &feature;
        feature = VK_TRUE;
        return;
    }
    if (info.pEnabledFeatures)
        out.enabledFeatures = *info.pEnabledFeatures;
    out.enabledFeatures.shaderStorageImageWriteWithoutFormat = VK_TRUE;
    out.createInfo.pEnabledFeatures = &out.enabledFeatures;
}

// The caller's names and those of the library's that are not among them.
void listExtensions(const VkDeviceCreateInfo& info, const SacDeviceSupport& support, SacExtendedDeviceCreateInfo& out) {
    const std::span listed(info.ppEnabledExtensionNames, info.enabledExtensionCount);
    uint32_t count = 0;
    for (const char* name : listed)
        out.extensions[count++] = name;
    for (const char* name : std::span(support.extensions, support.extensionCount))
        if (std::none_of(listed.begin(), listed.end(), [&](const char* other) { return !std::strcmp(name, other); }))
            out.extensions[count++] = name;
    out.createInfo.enabledExtensionCount = count;
    out.createInfo.ppEnabledExtensionNames = out.extensions;
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacExtendDeviceCreateInfo(const SacDeviceQuery* query,
                                                                  const VkDeviceCreateInfo* createInfo,
                                                                  SacExtendedDeviceCreateInfo* extended,
                                                                  SacError* error) {
    return guarded(error, nullptr, [&] {
        require(createInfo, "createInfo");
        requireStructure(extended, "extended");
        checkCreateInfo(*createInfo);
        VkBool32* const storage16 = findStorage16(createInfo->pNext);

        SacDeviceSupport support{};
        support.sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
        SacError queryError{};
        if (sacQueryDevice(query, &support, &queryError) != SAC_SUCCESS)
            throw Error(queryError.result, "%s", queryError.message);
        if (!support.supported)
            throw Error(SAC_ERROR_UNSUPPORTED, "query->physicalDevice: %s", support.reason);

        // Nothing fails from here on.
        extended->createInfo = *createInfo;
        listExtensions(*createInfo, support, *extended);
        extended->features = support.features;
        extended->changed[0] = extended->changed[1] = nullptr;
        extended->enabledFeatures = {};
        if (support.shaderStorageImageWriteWithoutFormat)
            enableWriteWithoutFormat(*createInfo, *extended);
        extended->storage16 = {};
        extended->storage16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
        if (!support.storageBuffer16BitAccess)
            return;
        if (!storage16) {
            extended->storage16.pNext = const_cast<void*>(createInfo->pNext);
            extended->storage16.storageBuffer16BitAccess = VK_TRUE;
            extended->createInfo.pNext = &extended->storage16;
        } else if (!*storage16) {
            *storage16 = VK_TRUE;
            extended->changed[0] = storage16;
        }
    });
}
