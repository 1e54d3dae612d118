// The engine's device as the library sees it: functions, capabilities, host memory. Shared by everything of a context.
#pragma once

#include <memory_resource>

#include "base/memory.hpp"
#include "vulkan/capabilities.hpp"
#include "vulkan/dispatch_table.hpp"

namespace saccade {

struct Device {
    explicit Device(std::pmr::memory_resource* memory) : memory(memory) {}

    VkPhysicalDevice physical = VK_NULL_HANDLE;
    VkDevice handle = VK_NULL_HANDLE;
    InstanceTable instance;
    DeviceTable vk;
    Capabilities capabilities;
    VkPipelineCache pipelineCache = VK_NULL_HANDLE;
    const VkAllocationCallbacks* allocator = nullptr; ///< null, or callbacks that outlive the device's objects
    std::pmr::memory_resource* memory;                ///< over the same callbacks

    /// Whether images of `format` with optimal tiling have all of `features`.
    bool supports(VkFormat format, VkFormatFeatureFlags features) const;

    /// Gives `object` a name in debuggers and validation messages; nothing without VK_EXT_debug_utils.
    void setName(VkObjectType type, uint64_t object, const char* name) const;
};

/// Throws the Error that stands for `result`, naming the Vulkan function; returns on VK_SUCCESS.
void check(VkResult result, const char* function);

} // namespace saccade
