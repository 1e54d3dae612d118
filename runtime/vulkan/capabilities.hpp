// What a device offers and how it wants its work cut: queried once, read by every tuning choice.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>

#include <saccade/saccade.h>
#include <vulkan/vulkan_core.h>

#include "vulkan/dispatch_table.hpp"

namespace saccade {

struct Capabilities {
    uint32_t apiVersion = 0;
    uint32_t vendorId = 0;
    VkPhysicalDeviceType deviceType = VK_PHYSICAL_DEVICE_TYPE_OTHER;
    bool isCpu = false;           ///< a software driver: wants few barriers, lanes as vectors, uniform loads
    uint32_t subgroupSize = 1;    ///< reported; for tuning alone, never for correctness
    bool subgroupShuffle = false; ///< compute shaders may pass values between the lanes of a subgroup
    uint32_t maxSharedMemory = 0; ///< bytes per workgroup
    uint32_t maxInvocations = 0;  ///< per workgroup
    std::array<uint32_t, 3> maxGroupCount{};
    std::array<uint32_t, 3> maxGroupSize{};
    uint32_t maxStorageBuffers = 0; ///< per compute stage
    uint64_t maxStorageBufferRange = 0;
    uint32_t storageBufferOffsetAlignment = 1;
    float timestampPeriod = 0;    ///< nanoseconds
    bool pushDescriptors = false; ///< what may be used: in a context, what is offered and was enabled
    bool storage16Bit = false;
    bool debugUtils = false;
};

/// Reads the properties of `device`; the three feature flags say what it offers (debugUtils: never).
/// Throws what vkEnumerateDeviceExtensionProperties answers.
Capabilities queryCapabilities(const InstanceTable& vk, VkPhysicalDevice device, std::pmr::memory_resource* memory);

/// Why the library cannot run on such a device; null if it can.
const char* unfitReason(const Capabilities& capabilities);

} // namespace saccade
