// SPDX-License-Identifier: Apache-2.0
#include "vulkan/dispatch_table.hpp"

#include "base/error.hpp"

namespace saccade {

void InstanceTable::load(PFN_vkGetInstanceProcAddr getInstanceProcAddr, VkInstance instance) {
#define SAC_LOAD(name)                                                                                                 \
    name = reinterpret_cast<PFN_vk##name>(getInstanceProcAddr(instance, "vk" #name));                                  \
    if (!name)                                                                                                         \
        throw Error(SAC_ERROR_UNSUPPORTED,                                                                             \
                    "getInstanceProcAddr has no vk" #name ": the instance must be of Vulkan 1.1 or later");
    SAC_INSTANCE_FUNCTIONS(SAC_LOAD)
#undef SAC_LOAD
    getMatrixProperties = getInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
}

void DeviceTable::load(const InstanceTable& instance, VkDevice device) {
#define SAC_LOAD(name) name = reinterpret_cast<PFN_vk##name>(instance.GetDeviceProcAddr(device, "vk" #name));
    SAC_EXTENSION_FUNCTIONS(SAC_LOAD)
#undef SAC_LOAD
#define SAC_LOAD(name)                                                                                                 \
    name = reinterpret_cast<PFN_vk##name>(instance.GetDeviceProcAddr(device, "vk" #name));                             \
    if (!name)                                                                                                         \
        throw Error(SAC_ERROR_UNSUPPORTED, "vkGetDeviceProcAddr has no vk" #name);
    SAC_DEVICE_FUNCTIONS(SAC_LOAD)
#undef SAC_LOAD
}

} // namespace saccade
