// SPDX-License-Identifier: Apache-2.0
// A Vulkan that computes nothing and checks everything it is given: handles, sizes, descriptor ranges, dispatches,
// copies, and that all it made is destroyed. A violation ends the program.
//
// It is for fuzzing alone: a driver takes milliseconds to make one pipeline. What the library computes is tested on
// drivers.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>

namespace saccade::fuzz {

/// What the stub's only device claims to be. Members that a kernel's choice depends on.
struct StubDevice {
    VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    uint32_t subgroupSize = 32;
    VkSubgroupFeatureFlags subgroupOperations = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    uint32_t sharedMemory = 32768, invocations = 1024;
    uint32_t groupCount[3] = {65535, 65535, 65535};
    uint32_t storageBuffers = 1 << 20;  ///< per stage
    uint32_t storageRange = 128u << 20; ///< bytes
    uint32_t offsetAlignment = 16;
    bool storage16Bit = true, pushDescriptors = true;
};

/// Starts anew with this device. What the last one left behind is a violation.
void startStub(const StubDevice& device);

/// Violation if anything is left that was made and not destroyed.
void endStub();

/// A buffer of so many bytes; valid until endStub().
VkBuffer stubBuffer(VkDeviceSize size);

/// An image view; valid until endStub().
VkImageView stubView();

/// For SacContextInfo and SacDeviceQuery, with any instance, physical device, device and command buffer but null.
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL stubInstanceProcAddr(VkInstance instance, const char* name);

/// Dispatches recorded since startStub(), direct and indirect.
uint64_t stubDispatches();

} // namespace saccade::fuzz
