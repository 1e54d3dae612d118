// What the library believes of a device: queried once, perhaps narrowed by the engine, and read by every choice of a
// kernel, its workgroups and its tiles.
#pragma once

#include <memory_resource>

#include <saccade/saccade.h>
#include <vulkan/vulkan_core.h>

#include "vulkan/dispatch_table.hpp"

namespace saccade {

struct DeviceProfile : SacDeviceProfile {
    /// Vulkan 1.1's guaranteed minimum: a GPU without any optional feature.
    DeviceProfile();

    bool isCpu() const { return kind == SAC_DEVICE_KIND_CPU; }
    /// Whether compute shaders may use all of `operations`.
    bool hasSubgroup(VkSubgroupFeatureFlags operations) const {
        return (subgroupOperations & operations) == operations;
    }
};

/// Reads the properties of `device`; features are those it offers. Throws what vkEnumerateDeviceExtensionProperties and
/// vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR answer.
DeviceProfile queryProfile(const InstanceTable& vk, VkPhysicalDevice device, std::pmr::memory_resource* memory);

/// Whether `device` offers an extension. Throws what vkEnumerateDeviceExtensionProperties answers.
bool hasExtension(const InstanceTable& vk, VkPhysicalDevice device, const char* name,
                  std::pmr::memory_resource* memory);

/// Why the library cannot run on such a device; null if it can.
const char* unfitReason(const DeviceProfile& profile);

/// `given` by the caller, checked: SAC_ERROR_INVALID_ARGUMENT names the member, its value and the bound for what is
/// below Vulkan's minimum or beyond `device`. `device` null: there is none to exceed.
DeviceProfile checkedProfile(const SacDeviceProfile& given, const DeviceProfile* device);

} // namespace saccade
