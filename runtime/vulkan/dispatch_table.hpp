// SPDX-License-Identifier: Apache-2.0
// The Vulkan functions the library calls, loaded through the engine's vkGetInstanceProcAddr. Nothing links to a loader.
#pragma once

#include <vulkan/vulkan_core.h>

namespace saccade {

// clang-format off
#define SAC_INSTANCE_FUNCTIONS(X) \
    X(GetPhysicalDeviceProperties2) X(GetPhysicalDeviceFeatures2) X(EnumerateDeviceExtensionProperties) \
    X(GetPhysicalDeviceFormatProperties) X(GetDeviceProcAddr)

#define SAC_DEVICE_FUNCTIONS(X) \
    X(CreateBuffer) X(DestroyBuffer) X(GetBufferMemoryRequirements) \
    X(CreateShaderModule) X(DestroyShaderModule) X(CreateComputePipelines) X(DestroyPipeline) \
    X(CreatePipelineLayout) X(DestroyPipelineLayout) \
    X(CreateDescriptorSetLayout) X(DestroyDescriptorSetLayout) X(CreateDescriptorPool) X(DestroyDescriptorPool) \
    X(AllocateDescriptorSets) X(UpdateDescriptorSets) \
    X(CmdBindPipeline) X(CmdBindDescriptorSets) X(CmdPushConstants) X(CmdDispatch) X(CmdDispatchIndirect) \
    X(CmdPipelineBarrier) X(CmdCopyBuffer) X(CmdUpdateBuffer) X(CmdWriteTimestamp)

// Null where their extension is not enabled.
#define SAC_EXTENSION_FUNCTIONS(X) \
    X(CmdPushDescriptorSetKHR) X(SetDebugUtilsObjectNameEXT) X(CmdBeginDebugUtilsLabelEXT) X(CmdEndDebugUtilsLabelEXT)
// clang-format on

/// Functions that need an instance only; usable before a device exists.
struct InstanceTable {
#define SAC_DECLARE(name) PFN_vk##name name = nullptr;
    SAC_INSTANCE_FUNCTIONS(SAC_DECLARE)
#undef SAC_DECLARE
    /// vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR, which older Vulkan headers do not declare; null where no
    /// driver has it.
    PFN_vkVoidFunction getMatrixProperties = nullptr;

    /// Throws SAC_ERROR_UNSUPPORTED naming the first function that is missing (an instance below Vulkan 1.1).
    void load(PFN_vkGetInstanceProcAddr getInstanceProcAddr, VkInstance instance);
};

/// Functions of one device, called without the loader's trampoline.
struct DeviceTable {
#define SAC_DECLARE(name) PFN_vk##name name = nullptr;
    SAC_DEVICE_FUNCTIONS(SAC_DECLARE)
    SAC_EXTENSION_FUNCTIONS(SAC_DECLARE)
#undef SAC_DECLARE

    /// Extension functions are left null where the device does not return them. Throws SAC_ERROR_UNSUPPORTED otherwise.
    void load(const InstanceTable& instance, VkDevice device);
};

} // namespace saccade
