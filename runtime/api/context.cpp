// sacQueryDevice, sacCreateContext, sacDestroyContext.
#include "api/objects.hpp"

#include <cstring>

using namespace saccade;

extern "C" SAC_API SacResult sacQueryDevice(const SacDeviceQuery* query, SacDeviceSupport* support, SacError* error) {
    return guarded(error, nullptr, [&] {
        SAC_REQUIRE_STRUCTURE(query, SAC_STRUCTURE_TYPE_DEVICE_QUERY);
        SAC_REQUIRE_STRUCTURE(support, SAC_STRUCTURE_TYPE_DEVICE_SUPPORT);
        require(query->getInstanceProcAddr, "query->getInstanceProcAddr");
        require(query->instance, "query->instance");
        require(query->physicalDevice, "query->physicalDevice");

        InstanceTable vk;
        vk.load(query->getInstanceProcAddr, query->instance);
        HostMemory memory(nullptr);
        const Capabilities offered = queryCapabilities(vk, query->physicalDevice, &memory);
        *support = SacDeviceSupport{};
        support->sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
        const char* reason = unfitReason(offered);
        support->supported = reason ? VK_FALSE : VK_TRUE;
        if (reason)
            std::strncpy(support->reason, reason, sizeof(support->reason) - 1);
        if (offered.pushDescriptors) {
            support->features |= SAC_FEATURE_PUSH_DESCRIPTOR_BIT;
            support->extensions[support->extensionCount++] = VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME;
        }
        if (offered.storage16Bit) {
            support->features |= SAC_FEATURE_STORAGE_16BIT_BIT;
            support->storageBuffer16BitAccess = VK_TRUE;
        }
    });
}

namespace {

void initialize(SacContext_T& context, const SacContextInfo& info) {
    Device& device = context.device;
    device.physical = info.physicalDevice;
    device.handle = info.device;
    device.pipelineCache = info.pipelineCache;
    device.allocator = context.memory.callbacks();

    InstanceTable& vk = device.instance;
    vk.load(info.getInstanceProcAddr, info.instance);
    device.capabilities = queryCapabilities(vk, info.physicalDevice, &context.memory);
    if (const char* reason = unfitReason(device.capabilities))
        throw Error(SAC_ERROR_UNSUPPORTED, "info->physicalDevice: %s", reason);
    device.vk.load(vk, info.device);

    const SacFeatureFlags enabled = info.enabledFeatures;
    Capabilities& use = device.capabilities;
    const bool pushDescriptors = enabled & SAC_FEATURE_PUSH_DESCRIPTOR_BIT;
    if (pushDescriptors && (!use.pushDescriptors || !device.vk.CmdPushDescriptorSetKHR))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->enabledFeatures has SAC_FEATURE_PUSH_DESCRIPTOR_BIT, but the "
                                                "device was created without VK_KHR_push_descriptor");
    const bool storage16Bit = enabled & SAC_FEATURE_STORAGE_16BIT_BIT;
    if (storage16Bit && !use.storage16Bit)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->enabledFeatures has SAC_FEATURE_STORAGE_16BIT_BIT, but the "
                                                "physical device has no storageBuffer16BitAccess");
    use.pushDescriptors = pushDescriptors;
    use.storage16Bit = storage16Bit;
    use.debugUtils = (enabled & SAC_FEATURE_DEBUG_UTILS_BIT) && device.vk.SetDebugUtilsObjectNameEXT;
}

} // namespace

extern "C" SAC_API SacResult sacCreateContext(const SacContextInfo* info, SacContext* context, SacError* error) {
    if (context)
        *context = nullptr;
    const Log log = info && info->sType == SAC_STRUCTURE_TYPE_CONTEXT_INFO ? Log{info->log, info->logUserData} : Log{};
    return guarded(error, &log, [&] {
        SAC_REQUIRE_STRUCTURE(info, SAC_STRUCTURE_TYPE_CONTEXT_INFO);
        require(context, "context");
        require(info->getInstanceProcAddr, "info->getInstanceProcAddr");
        require(info->instance, "info->instance");
        require(info->physicalDevice, "info->physicalDevice");
        require(info->device, "info->device");
        requireFlags(info->enabledFeatures,
                     SAC_FEATURE_PUSH_DESCRIPTOR_BIT | SAC_FEATURE_STORAGE_16BIT_BIT | SAC_FEATURE_DEBUG_UTILS_BIT,
                     "info->enabledFeatures");

        HostMemory memory(info->allocator);
        UniquePtr<SacContext_T> created = makeUnique<SacContext_T>(&memory, info->allocator);
        created->log = log;
        initialize(*created, *info);
        *context = created.release();
    });
}

extern "C" SAC_API SacResult sacDestroyContext(SacContext context, SacError* error) {
    if (!context)
        return report(SAC_SUCCESS, "", error, nullptr);
    return guarded(error, &context->log, [&] {
        if (const uint32_t models = context->modelCount.load())
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "context still has %u models, destroy them before it", models);
        HostMemory memory(context->memory.callbacks());
        destroy(&memory, context);
    });
}
