// SPDX-License-Identifier: Apache-2.0
#include "state.hpp"

namespace saccade::gpu {

void DeviceFunctions::load(VkDevice device, PFN_vkGetDeviceProcAddr next) {
    GetDeviceProcAddr = next;
    const auto get = [&](auto& function, const char* name) {
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(next(device, name));
    };
    get(DestroyDevice, "vkDestroyDevice");
    get(DestroyShaderModule, "vkDestroyShaderModule");
    get(CreateComputePipelines, "vkCreateComputePipelines");
    get(DestroyPipeline, "vkDestroyPipeline");
    get(CmdBindPipeline, "vkCmdBindPipeline");
    get(CmdDispatch, "vkCmdDispatch");
    get(CmdDispatchIndirect, "vkCmdDispatchIndirect");
    get(GetQueryPoolResults, "vkGetQueryPoolResults");
    get(SetDebugUtilsObjectNameEXT, "vkSetDebugUtilsObjectNameEXT");
    get(CmdBeginDebugUtilsLabelEXT, "vkCmdBeginDebugUtilsLabelEXT");
    get(GetPipelineExecutablePropertiesKHR, "vkGetPipelineExecutablePropertiesKHR");
    get(GetPipelineExecutableStatisticsKHR, "vkGetPipelineExecutableStatisticsKHR");
    get(GetPipelineExecutableInternalRepresentationsKHR, "vkGetPipelineExecutableInternalRepresentationsKHR");
}

void InstanceFunctions::load(VkInstance instance, PFN_vkGetInstanceProcAddr next) {
    GetInstanceProcAddr = next;
    const auto get = [&](auto& function, const char* name) {
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(next(instance, name));
    };
    get(DestroyInstance, "vkDestroyInstance");
    get(EnumerateDeviceExtensionProperties, "vkEnumerateDeviceExtensionProperties");
    get(GetPhysicalDeviceProperties2, "vkGetPhysicalDeviceProperties2");
}

} // namespace saccade::gpu
