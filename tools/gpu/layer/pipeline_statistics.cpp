// SPDX-License-Identifier: Apache-2.0
// A Vulkan layer, VK_LAYER_SACCADE_pipeline_statistics: writes what the driver's compiler made of every compute
// pipeline (report.hpp). It enables VK_KHR_pipeline_executable_properties where the driver has it; the program need not
// know. Kernels and stages have the names that the program gives by VK_EXT_debug_utils (saccade --debug-names).
//
// With SACCADE_GPU_NO_OP=1 results of queries are zeros, at once. Drivers over a kernel that does nothing never see a
// query written: Turnip then returns VK_TIMEOUT, NVK VK_ERROR_DEVICE_LOST.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include <vulkan/vk_layer.h>

#include "report.hpp"
#include "state.hpp"

namespace saccade::gpu {

namespace {

std::mutex mutex; // of all below
std::unordered_map<const void*, InstanceState> instances;
std::unordered_map<const void*, DeviceState> devices;
uint32_t pipelineCount = 0;

// References into the maps stay valid until the entry's own object is destroyed.
DeviceState& deviceOf(const void* dispatchable) {
    const std::lock_guard lock(mutex);
    return devices.at(tableOf(dispatchable));
}

InstanceState* instanceOf(const void* dispatchable) {
    const std::lock_guard lock(mutex);
    const auto found = instances.find(tableOf(dispatchable));
    return found == instances.end() ? nullptr : &found->second;
}

// ---- Instances and devices

// The loader's link to the next layer, in the chain of a creation's structure.
template <class Link>
Link* linkIn(const void* chain, VkStructureType type) {
    auto* link = static_cast<Link*>(const_cast<void*>(chain));
    while (link && !(link->sType == type && link->function == VK_LAYER_LINK_INFO))
        link = static_cast<Link*>(const_cast<void*>(link->pNext));
    return link;
}

VKAPI_ATTR VkResult VKAPI_CALL createInstance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks* allocator,
                                              VkInstance* instance) {
    auto* link = linkIn<VkLayerInstanceCreateInfo>(info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    const PFN_vkGetInstanceProcAddr next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    const auto create = reinterpret_cast<PFN_vkCreateInstance>(next(VK_NULL_HANDLE, "vkCreateInstance"));
    const VkResult result = create(info, allocator, instance);
    if (result == VK_SUCCESS) {
        const std::lock_guard lock(mutex);
        InstanceState& state = instances[tableOf(*instance)];
        state.handle = *instance;
        state.next.load(*instance, next);
    }
    return result;
}

VKAPI_ATTR void VKAPI_CALL destroyInstance(VkInstance instance, const VkAllocationCallbacks* allocator) {
    if (!instance)
        return;
    const PFN_vkDestroyInstance destroy = instanceOf(instance)->next.DestroyInstance;
    {
        const std::lock_guard lock(mutex);
        instances.erase(tableOf(instance));
    }
    destroy(instance, allocator);
}

bool hasStatistics(const InstanceState& instance, VkPhysicalDevice physical) {
    const auto enumerate = instance.next.EnumerateDeviceExtensionProperties;
    uint32_t count = 0;
    enumerate(physical, nullptr, &count, nullptr);
    std::vector<VkExtensionProperties> extensions(count);
    enumerate(physical, nullptr, &count, extensions.data());
    for (const VkExtensionProperties& extension : extensions)
        if (!std::strcmp(extension.extensionName, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME))
            return true;
    return false;
}

void describe(const InstanceState& instance, VkPhysicalDevice physical, bool statistics) {
    VkPhysicalDeviceDriverProperties driver{};
    driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
    VkPhysicalDeviceProperties2 properties{};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    properties.pNext = &driver;
    instance.next.GetPhysicalDeviceProperties2(physical, &properties);
    reportDevice(properties.properties.deviceName, driver.driverName, driver.driverInfo, statistics);
}

VKAPI_ATTR VkResult VKAPI_CALL createDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo* info,
                                            const VkAllocationCallbacks* allocator, VkDevice* device) {
    auto* link = linkIn<VkLayerDeviceCreateInfo>(info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
    const InstanceState* instance = instanceOf(physical);
    if (!link || !instance)
        return VK_ERROR_INITIALIZATION_FAILED;
    const PFN_vkGetInstanceProcAddr nextInstance = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    const PFN_vkGetDeviceProcAddr nextDevice = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;

    const bool captures = hasStatistics(*instance, physical);
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature{};
    feature.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR;
    feature.pNext = const_cast<void*>(info->pNext);
    feature.pipelineExecutableInfo = VK_TRUE;
    std::vector<const char*> extensions(info->ppEnabledExtensionNames,
                                        info->ppEnabledExtensionNames + info->enabledExtensionCount);
    VkDeviceCreateInfo copy = *info;
    if (captures) {
        extensions.push_back(VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
        copy.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
        copy.ppEnabledExtensionNames = extensions.data();
        copy.pNext = &feature;
    }
    const auto create = reinterpret_cast<PFN_vkCreateDevice>(nextInstance(instance->handle, "vkCreateDevice"));
    const VkResult result = create(physical, &copy, allocator, device);
    if (result != VK_SUCCESS)
        return result;
    const std::lock_guard lock(mutex);
    DeviceState& state = devices[tableOf(*device)];
    state.handle = *device;
    state.captures = captures;
    state.next.load(*device, nextDevice);
    describe(*instance, physical, captures);
    return result;
}

VKAPI_ATTR void VKAPI_CALL destroyDevice(VkDevice device, const VkAllocationCallbacks* allocator) {
    if (!device)
        return;
    const PFN_vkDestroyDevice destroy = deviceOf(device).next.DestroyDevice;
    {
        const std::lock_guard lock(mutex);
        devices.erase(tableOf(device));
    }
    destroy(device, allocator);
}

// ---- Names

VKAPI_ATTR VkResult VKAPI_CALL setDebugUtilsObjectName(VkDevice device, const VkDebugUtilsObjectNameInfoEXT* info) {
    DeviceState& state = deviceOf(device);
    if (info->objectType == VK_OBJECT_TYPE_SHADER_MODULE && info->pObjectName) {
        const std::lock_guard lock(mutex);
        state.moduleNames[info->objectHandle] = info->pObjectName;
    }
    return state.next.SetDebugUtilsObjectNameEXT(device, info);
}

VKAPI_ATTR void VKAPI_CALL cmdBeginDebugUtilsLabel(VkCommandBuffer buffer, const VkDebugUtilsLabelEXT* label) {
    DeviceState& state = deviceOf(buffer);
    {
        const std::lock_guard lock(mutex);
        state.recordings[buffer].label = label->pLabelName;
    }
    state.next.CmdBeginDebugUtilsLabelEXT(buffer, label);
}

// ---- Pipelines

VKAPI_ATTR void VKAPI_CALL destroyShaderModule(VkDevice device, VkShaderModule module,
                                               const VkAllocationCallbacks* allocator) {
    DeviceState& state = deviceOf(device);
    {
        const std::lock_guard lock(mutex);
        state.moduleNames.erase(keyOf(module));
    }
    state.next.DestroyShaderModule(device, module, allocator);
}

VKAPI_ATTR VkResult VKAPI_CALL createComputePipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                                      const VkComputePipelineCreateInfo* infos,
                                                      const VkAllocationCallbacks* allocator, VkPipeline* pipelines) {
    DeviceState& state = deviceOf(device);
    std::vector<VkComputePipelineCreateInfo> copies(infos, infos + count);
    if (state.captures)
        for (VkComputePipelineCreateInfo& copy : copies)
            copy.flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
                          (wantsAssembly() ? VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR : 0);
    const auto begin = std::chrono::steady_clock::now();
    const VkResult result =
        state.next.CreateComputePipelines(device, cache, count, copies.data(), allocator, pipelines);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;

    const std::lock_guard lock(mutex);
    for (uint32_t i = 0; i < count; ++i) {
        if (!pipelines[i])
            continue;
        const uint32_t number = ++pipelineCount;
        state.pipelineNumbers[keyOf(pipelines[i])] = number;
        const auto name = state.moduleNames.find(keyOf(infos[i].stage.module));
        reportPipeline(state, pipelines[i], number, name == state.moduleNames.end() ? "" : name->second,
                       infos[i].stage.pSpecializationInfo, time.count() / count);
    }
    return result;
}

VKAPI_ATTR void VKAPI_CALL destroyPipeline(VkDevice device, VkPipeline pipeline,
                                           const VkAllocationCallbacks* allocator) {
    DeviceState& state = deviceOf(device);
    {
        const std::lock_guard lock(mutex);
        state.pipelineNumbers.erase(keyOf(pipeline));
    }
    state.next.DestroyPipeline(device, pipeline, allocator);
}

VKAPI_ATTR void VKAPI_CALL cmdBindPipeline(VkCommandBuffer buffer, VkPipelineBindPoint point, VkPipeline pipeline) {
    DeviceState& state = deviceOf(buffer);
    {
        const std::lock_guard lock(mutex);
        const auto found = state.pipelineNumbers.find(keyOf(pipeline));
        if (found != state.pipelineNumbers.end() && point == VK_PIPELINE_BIND_POINT_COMPUTE)
            state.recordings[buffer].pipeline = found->second;
    }
    state.next.CmdBindPipeline(buffer, point, pipeline);
}

VKAPI_ATTR void VKAPI_CALL cmdDispatch(VkCommandBuffer buffer, uint32_t x, uint32_t y, uint32_t z) {
    DeviceState& state = deviceOf(buffer);
    {
        const std::lock_guard lock(mutex);
        reportDispatch(state.recordings[buffer], std::array{x, y, z});
    }
    state.next.CmdDispatch(buffer, x, y, z);
}

VKAPI_ATTR void VKAPI_CALL cmdDispatchIndirect(VkCommandBuffer buffer, VkBuffer groups, VkDeviceSize offset) {
    DeviceState& state = deviceOf(buffer);
    {
        const std::lock_guard lock(mutex);
        reportDispatch(state.recordings[buffer], std::nullopt);
    }
    state.next.CmdDispatchIndirect(buffer, groups, offset);
}

VKAPI_ATTR VkResult VKAPI_CALL getQueryPoolResults(VkDevice device, VkQueryPool pool, uint32_t first, uint32_t count,
                                                   std::size_t size, void* data, VkDeviceSize stride,
                                                   VkQueryResultFlags flags) {
    static const bool noOp = [] {
        const char* value = std::getenv("SACCADE_GPU_NO_OP");
        return value && *value && std::strcmp(value, "0") != 0;
    }();
    if (!noOp)
        return deviceOf(device).next.GetQueryPoolResults(device, pool, first, count, size, data, stride, flags);
    std::memset(data, 0, size);
    return VK_SUCCESS;
}

// ---- What the loader asks for

template <class Function>
PFN_vkVoidFunction erased(Function* function) {
    return reinterpret_cast<PFN_vkVoidFunction>(function);
}

PFN_vkVoidFunction deviceFunction(const char* name) {
    static const std::unordered_map<std::string, PFN_vkVoidFunction> functions = {
        {"vkDestroyDevice", erased(destroyDevice)},
        {"vkSetDebugUtilsObjectNameEXT", erased(setDebugUtilsObjectName)},
        {"vkCmdBeginDebugUtilsLabelEXT", erased(cmdBeginDebugUtilsLabel)},
        {"vkDestroyShaderModule", erased(destroyShaderModule)},
        {"vkCreateComputePipelines", erased(createComputePipelines)},
        {"vkDestroyPipeline", erased(destroyPipeline)},
        {"vkCmdBindPipeline", erased(cmdBindPipeline)},
        {"vkCmdDispatch", erased(cmdDispatch)},
        {"vkCmdDispatchIndirect", erased(cmdDispatchIndirect)},
        {"vkGetQueryPoolResults", erased(getQueryPoolResults)},
    };
    const auto found = functions.find(name);
    return found == functions.end() ? nullptr : found->second;
}

} // namespace

} // namespace saccade::gpu

extern "C" {

VK_LAYER_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL statisticsGetDeviceProcAddr(VkDevice device,
                                                                                     const char* name) {
    using namespace saccade::gpu;
    if (!std::strcmp(name, "vkGetDeviceProcAddr"))
        return erased(statisticsGetDeviceProcAddr);
    // What the driver does not have, the layer does not have either.
    const PFN_vkVoidFunction next = deviceOf(device).next.GetDeviceProcAddr(device, name);
    const PFN_vkVoidFunction own = next ? deviceFunction(name) : nullptr;
    return own ? own : next;
}

VK_LAYER_EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL statisticsGetInstanceProcAddr(VkInstance instance,
                                                                                       const char* name) {
    using namespace saccade::gpu;
    static const std::unordered_map<std::string, PFN_vkVoidFunction> functions = {
        {"vkGetInstanceProcAddr", erased(statisticsGetInstanceProcAddr)},
        {"vkGetDeviceProcAddr", erased(statisticsGetDeviceProcAddr)},
        {"vkCreateInstance", erased(createInstance)},
        {"vkDestroyInstance", erased(destroyInstance)},
        {"vkCreateDevice", erased(createDevice)},
    };
    const auto found = functions.find(name);
    if (found != functions.end())
        return found->second;
    const InstanceState* state = instance ? instanceOf(instance) : nullptr;
    const PFN_vkVoidFunction next = state ? state->next.GetInstanceProcAddr(instance, name) : nullptr;
    const PFN_vkVoidFunction own = next ? deviceFunction(name) : nullptr;
    return own ? own : next;
}

} // extern "C"
