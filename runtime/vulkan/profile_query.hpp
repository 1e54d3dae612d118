// SPDX-License-Identifier: Apache-2.0
// Reads a device's profile, and checks one that the engine narrowed.
#pragma once

#include <memory_resource>

#include <vulkan/vulkan_core.h>

#include "base/device_profile.hpp"
#include "vulkan/dispatch_table.hpp"

namespace saccade {

/// Reads the properties of `device`; features are those it offers. Throws what vkEnumerateDeviceExtensionProperties and
/// vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR answer.
DeviceProfile queryProfile(const InstanceTable& vk, VkPhysicalDevice device, std::pmr::memory_resource* memory);

/// Whether `device` offers an extension. Throws what vkEnumerateDeviceExtensionProperties answers.
bool hasExtension(const InstanceTable& vk, VkPhysicalDevice device, const char* name,
                  std::pmr::memory_resource* memory);

/// Why the library cannot run on such a device; null if it can.
const char* unsupportedReason(const DeviceProfile& profile);

/// `given` by the caller, checked: SAC_ERROR_INVALID_ARGUMENT names the member, its value and the bound for what is
/// below Vulkan's minimum or beyond `device`. `device` null: there is none to exceed.
DeviceProfile checkedProfile(const SacDeviceProfile& given, const DeviceProfile* device);

} // namespace saccade
