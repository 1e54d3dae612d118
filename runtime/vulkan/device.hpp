// SPDX-License-Identifier: Apache-2.0
// The engine's device as the library sees it: profile, functions, host memory. Shared by everything of a context.
// Without a VkDevice it has a profile only: plans are made and nothing is compiled or recorded.
#pragma once

#include <memory_resource>

#include "base/device_profile.hpp"
#include "base/memory.hpp"
#include "vulkan/dispatch_table.hpp"

namespace saccade {

struct Device {
    explicit Device(std::pmr::memory_resource* memory) : memory(memory) {}

    VkPhysicalDevice physical = VK_NULL_HANDLE;
    VkDevice handle = VK_NULL_HANDLE; ///< null: plans only
    InstanceTable instance;
    DeviceTable vk;
    DeviceProfile profile;
    bool debugUtils = false; ///< VK_EXT_debug_utils is enabled
    VkPipelineCache pipelineCache = VK_NULL_HANDLE;
    const VkAllocationCallbacks* allocator = nullptr; ///< null, or callbacks that outlive the device's objects
    std::pmr::memory_resource* memory;                ///< over the same callbacks

    /// Whether images of `format` with optimal tiling have all of `features`; of a profile alone it is not known, and
    /// true.
    bool supports(VkFormat format, VkFormatFeatureFlags features) const;

    /// Gives `object` a name in debuggers and validation messages; nothing without VK_EXT_debug_utils.
    void setName(VkObjectType type, uint64_t object, const char* name) const;
};

/// Throws the Error that stands for `result`, naming the Vulkan function; returns on VK_SUCCESS.
void check(VkResult result, const char* function);

} // namespace saccade
