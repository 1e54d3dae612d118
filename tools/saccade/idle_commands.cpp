// SPDX-License-Identifier: Apache-2.0
#include "idle_commands.hpp"

#include <cstring>

namespace saccade::cli {

namespace {

template <class Function>
struct Idle;
template <class... Arguments>
struct Idle<void(VKAPI_PTR*)(Arguments...)> {
    static VKAPI_ATTR void VKAPI_CALL call(Arguments...) {}
};

template <class Function>
PFN_vkVoidFunction idle() {
    return reinterpret_cast<PFN_vkVoidFunction>(&Idle<Function>::call);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL deviceFunction(VkDevice device, const char* name) {
    static const struct {
        const char* name;
        PFN_vkVoidFunction function;
    } replaced[] = {
        {"vkCmdBindPipeline", idle<PFN_vkCmdBindPipeline>()},
        {"vkCmdBindDescriptorSets", idle<PFN_vkCmdBindDescriptorSets>()},
        {"vkCmdPushDescriptorSetKHR", idle<PFN_vkCmdPushDescriptorSetKHR>()},
        {"vkCmdPushConstants", idle<PFN_vkCmdPushConstants>()},
        {"vkCmdDispatch", idle<PFN_vkCmdDispatch>()},
        {"vkCmdPipelineBarrier", idle<PFN_vkCmdPipelineBarrier>()},
        {"vkCmdUpdateBuffer", idle<PFN_vkCmdUpdateBuffer>()},
        {"vkUpdateDescriptorSets", idle<PFN_vkUpdateDescriptorSets>()},
    };
    const PFN_vkVoidFunction real = vkGetDeviceProcAddr(device, name);
    if (!real) // of an extension that is not enabled: the library has to see that
        return nullptr;
    for (const auto& candidate : replaced)
        if (!std::strcmp(candidate.name, name))
            return candidate.function;
    return real;
}

} // namespace

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL loadIdleCommands(VkInstance instance, const char* name) {
    return std::strcmp(name, "vkGetDeviceProcAddr") ? vkGetInstanceProcAddr(instance, name)
                                                    : reinterpret_cast<PFN_vkVoidFunction>(&deviceFunction);
}

} // namespace saccade::cli
