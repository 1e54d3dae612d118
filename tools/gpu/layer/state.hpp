// SPDX-License-Identifier: Apache-2.0
// What the layer remembers of an instance, a device and their objects, and the functions below it.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include <vulkan/vulkan.h>

namespace saccade::gpu {

/// The functions of the next layer or the driver, one pointer each.
struct DeviceFunctions {
    PFN_vkGetDeviceProcAddr GetDeviceProcAddr;
    PFN_vkDestroyDevice DestroyDevice;
    PFN_vkDestroyShaderModule DestroyShaderModule;
    PFN_vkCreateComputePipelines CreateComputePipelines;
    PFN_vkDestroyPipeline DestroyPipeline;
    PFN_vkCmdBindPipeline CmdBindPipeline;
    PFN_vkCmdDispatch CmdDispatch;
    PFN_vkCmdDispatchIndirect CmdDispatchIndirect;
    PFN_vkGetQueryPoolResults GetQueryPoolResults;
    PFN_vkSetDebugUtilsObjectNameEXT SetDebugUtilsObjectNameEXT; ///< null without VK_EXT_debug_utils
    PFN_vkCmdBeginDebugUtilsLabelEXT CmdBeginDebugUtilsLabelEXT; ///< the same
    PFN_vkGetPipelineExecutablePropertiesKHR GetPipelineExecutablePropertiesKHR;
    PFN_vkGetPipelineExecutableStatisticsKHR GetPipelineExecutableStatisticsKHR;
    PFN_vkGetPipelineExecutableInternalRepresentationsKHR GetPipelineExecutableInternalRepresentationsKHR;

    void load(VkDevice device, PFN_vkGetDeviceProcAddr next);
};

struct Recording {
    uint32_t pipeline = 0; ///< number of the one that is bound
    std::string label;     ///< the last debug label that began
};

struct DeviceState {
    VkDevice handle = VK_NULL_HANDLE;
    DeviceFunctions next{};
    bool captures = false; ///< VK_KHR_pipeline_executable_properties is enabled
    std::unordered_map<uint64_t, std::string> moduleNames;
    std::unordered_map<uint64_t, uint32_t> pipelineNumbers;
    std::unordered_map<VkCommandBuffer, Recording> recordings;
};

/// The same of an instance. They are loaded while it is created: later the loader gives the topmost layer's.
struct InstanceFunctions {
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
    PFN_vkDestroyInstance DestroyInstance;
    PFN_vkEnumerateDeviceExtensionProperties EnumerateDeviceExtensionProperties;
    PFN_vkGetPhysicalDeviceProperties2 GetPhysicalDeviceProperties2;

    void load(VkInstance instance, PFN_vkGetInstanceProcAddr next);
};

struct InstanceState {
    VkInstance handle = VK_NULL_HANDLE;
    InstanceFunctions next{};
};

/// The loader's dispatch table, which an instance shares with its physical devices, a device with its command buffers.
inline const void* tableOf(const void* dispatchable) { return *static_cast<const void* const*>(dispatchable); }

template <class Handle>
uint64_t keyOf(Handle object) {
    return (uint64_t)object; // a pointer or an integer, by the platform
}

} // namespace saccade::gpu
