// sacQueryDevice, sacCreateContext, sacDestroyContext.
#include "api/objects.hpp"

#include <cstring>

#include "vulkan/profile_query.hpp"

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
        const DeviceProfile offered = queryProfile(vk, query->physicalDevice, &memory);
        *support = SacDeviceSupport{};
        support->sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
        support->profile = offered;
        const char* reason = unfitReason(offered);
        support->supported = reason ? VK_FALSE : VK_TRUE;
        if (reason)
            std::strncpy(support->reason, reason, sizeof(support->reason) - 1);
        if (offered.pushDescriptors) {
            support->features |= SAC_FEATURE_PUSH_DESCRIPTOR_BIT;
            support->extensions[support->extensionCount++] = VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME;
        }
        // By its text: Vulkan's headers define the name for users of beta extensions only.
        if (hasExtension(vk, query->physicalDevice, "VK_KHR_portability_subset", &memory))
            support->extensions[support->extensionCount++] = "VK_KHR_portability_subset";
        if (offered.storageBuffer16BitAccess) {
            support->features |= SAC_FEATURE_STORAGE_16BIT_BIT;
            support->storageBuffer16BitAccess = VK_TRUE;
        }
    });
}

namespace {

constexpr SacFeatureFlags knownFeatures =
    SAC_FEATURE_PUSH_DESCRIPTOR_BIT | SAC_FEATURE_STORAGE_16BIT_BIT | SAC_FEATURE_DEBUG_UTILS_BIT;

// Functions of the device, and in its profile what it has, of features what was enabled.
void initializeDevice(Device& device, const SacContextInfo& info) {
    require(info.getInstanceProcAddr, "info->getInstanceProcAddr");
    require(info.instance, "info->instance");
    require(info.physicalDevice, "info->physicalDevice");
    device.physical = info.physicalDevice;
    device.handle = info.device;
    device.pipelineCache = info.pipelineCache;
    InstanceTable& vk = device.instance;
    vk.load(info.getInstanceProcAddr, info.instance);
    device.profile = queryProfile(vk, info.physicalDevice, device.memory);
    if (const char* reason = unfitReason(device.profile))
        throw Error(SAC_ERROR_UNSUPPORTED, "info->physicalDevice: %s", reason);
    device.vk.load(vk, info.device);

    const SacFeatureFlags enabled = info.enabledFeatures;
    if ((enabled & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) &&
        (!device.profile.pushDescriptors || !device.vk.CmdPushDescriptorSetKHR))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->enabledFeatures has SAC_FEATURE_PUSH_DESCRIPTOR_BIT, but the "
                                                "device was created without VK_KHR_push_descriptor");
    if ((enabled & SAC_FEATURE_STORAGE_16BIT_BIT) && !device.profile.storageBuffer16BitAccess)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->enabledFeatures has SAC_FEATURE_STORAGE_16BIT_BIT, but the "
                                                "physical device has no storageBuffer16BitAccess");
    device.profile.pushDescriptors = (enabled & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
    device.profile.storageBuffer16BitAccess = (enabled & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
    device.debugUtils = (enabled & SAC_FEATURE_DEBUG_UTILS_BIT) && device.vk.SetDebugUtilsObjectNameEXT;
}

void requireEnabled(VkBool32 wanted, const char* member, SacFeatureFlags enabled, SacFeatureFlags bit,
                    const char* bitName) {
    if (wanted == VK_TRUE && !(enabled & bit))
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->profile->%s is VK_TRUE, but info->enabledFeatures is 0x%x, without %s", member, enabled,
                    bitName);
}

void initialize(SacContext_T& context, const SacContextInfo& info) {
    Device& device = context.device;
    device.allocator = context.memory.callbacks();
    if (info.profile)
        requireStructure(info.profile, "info->profile", SAC_STRUCTURE_TYPE_DEVICE_PROFILE,
                         "SAC_STRUCTURE_TYPE_DEVICE_PROFILE");
    if (!info.device) {
        if (!info.profile)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->device and info->profile are null, a context takes a device or a profile to plan for");
        if (info.enabledFeatures)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->enabledFeatures is 0x%x, it must be 0 where info->device is null", info.enabledFeatures);
        device.profile = checkedProfile(*info.profile, nullptr);
        return;
    }
    initializeDevice(device, info);
    if (!info.profile)
        return;
    requireEnabled(info.profile->pushDescriptors, "pushDescriptors", info.enabledFeatures,
                   SAC_FEATURE_PUSH_DESCRIPTOR_BIT, "SAC_FEATURE_PUSH_DESCRIPTOR_BIT");
    requireEnabled(info.profile->storageBuffer16BitAccess, "storageBuffer16BitAccess", info.enabledFeatures,
                   SAC_FEATURE_STORAGE_16BIT_BIT, "SAC_FEATURE_STORAGE_16BIT_BIT");
    device.profile = checkedProfile(*info.profile, &device.profile);
}

} // namespace

extern "C" SAC_API SacResult sacCreateContext(const SacContextInfo* info, SacContext* context, SacError* error) {
    if (context)
        *context = nullptr;
    const Log log = info && info->sType == SAC_STRUCTURE_TYPE_CONTEXT_INFO ? Log{info->log, info->logUserData} : Log{};
    return guarded(error, &log, [&] {
        SAC_REQUIRE_STRUCTURE(info, SAC_STRUCTURE_TYPE_CONTEXT_INFO);
        require(context, "context");
        requireFlags(info->enabledFeatures, knownFeatures, "info->enabledFeatures");

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
