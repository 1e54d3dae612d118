// SPDX-License-Identifier: Apache-2.0
// sacQueryDevice, sacCreateContext, sacDestroyContext.
#include "api/objects.hpp"

#include <cstring>

#include "vulkan/profile_query.hpp"

using namespace saccade;

extern "C" SAC_API SacResult VKAPI_CALL sacQueryDevice(const SacDeviceQuery* query, SacDeviceSupport* support,
                                                       SacError* error) {
    return guarded(error, nullptr, [&] {
        requireStructure(query, "query");
        requireStructure(support, "support");
        require(query->getInstanceProcAddr, "query->getInstanceProcAddr");
        require(query->instance, "query->instance");
        require(query->physicalDevice, "query->physicalDevice");

        InstanceTable vk;
        vk.load(query->getInstanceProcAddr, query->instance);
        HostMemory memory(nullptr);
        const DeviceProfile offered = queryProfile(vk, query->physicalDevice, &memory);
        SacDeviceSupport answer{};
        answer.profile = offered;
        answer.profile.sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE;
        answer.profile.pNext = support->profile.pNext;
        requireStructure(&answer.profile, "support->profile");
        const char* reason = unsupportedReason(offered);
        answer.supported = reason ? VK_FALSE : VK_TRUE;
        if (reason)
            std::strncpy(answer.reason, reason, sizeof(answer.reason) - 1);
        if (offered.pushDescriptors) {
            answer.features |= SAC_FEATURE_PUSH_DESCRIPTOR_BIT;
            answer.extensions[answer.extensionCount++] = VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME;
        }
        // By its text: Vulkan's headers define the name for users of beta extensions only.
        if (hasExtension(vk, query->physicalDevice, "VK_KHR_portability_subset", &memory))
            answer.extensions[answer.extensionCount++] = "VK_KHR_portability_subset";
        if (offered.storageBuffer16BitAccess) {
            answer.features |= SAC_FEATURE_STORAGE_16BIT_BIT;
            answer.storageBuffer16BitAccess = VK_TRUE;
        }
        if (offered.shaderStorageImageWriteWithoutFormat) {
            answer.features |= SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT;
            answer.shaderStorageImageWriteWithoutFormat = VK_TRUE;
        }
        fillAnswer(*support, answer);
    });
}

namespace {

constexpr SacFeatureFlags knownFeatures = SAC_FEATURE_PUSH_DESCRIPTOR_BIT | SAC_FEATURE_STORAGE_16BIT_BIT |
                                          SAC_FEATURE_DEBUG_UTILS_BIT |
                                          SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT;

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
    if (const char* reason = unsupportedReason(device.profile))
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
    if ((enabled & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT) &&
        !device.profile.shaderStorageImageWriteWithoutFormat)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->enabledFeatures has SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT, but the physical "
                    "device has no shaderStorageImageWriteWithoutFormat");
    device.profile.pushDescriptors = (enabled & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
    device.profile.storageBuffer16BitAccess = (enabled & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
    device.profile.shaderStorageImageWriteWithoutFormat =
        (enabled & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT) != 0;
    device.debugUtils = (enabled & SAC_FEATURE_DEBUG_UTILS_BIT) && device.vk.SetDebugUtilsObjectNameEXT;
}

void requireEnabled(VkBool32 wanted, const char* member, SacFeatureFlags enabled, SacFeatureFlags bit,
                    const char* bitName) {
    if (wanted == VK_TRUE && !(enabled & bit))
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->profile->%s is VK_TRUE, but info->enabledFeatures is 0x%x, without %s", member, enabled,
                    bitName);
}

// Below 1.0 a minor version may break its callers.
void requireServed(uint32_t version) {
    const uint32_t major = version >> 22, minor = version >> 12 & 0x3ff, patch = version & 0xfff;
    if (major != SAC_VERSION_MAJOR || (major == 0 && minor != SAC_VERSION_MINOR))
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->apiVersion is %u, version %u.%u.%u, this library serves %u.%u: set it to SAC_VERSION",
                    version, major, minor, patch, SAC_VERSION_MAJOR, SAC_VERSION_MINOR);
}

void initialize(SacContext_T& context, const SacContextInfo& info) {
    Device& device = context.device;
    device.allocator = context.memory.callbacks();
    requireServed(info.apiVersion);
    if (info.profile)
        requireStructure(info.profile, "info->profile");
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
    requireEnabled(info.profile->shaderStorageImageWriteWithoutFormat, "shaderStorageImageWriteWithoutFormat",
                   info.enabledFeatures, SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT,
                   "SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT");
    device.profile = checkedProfile(*info.profile, &device.profile);
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacCreateContext(const SacContextInfo* info, SacContext* context,
                                                         SacError* error) {
    if (context)
        *context = nullptr;
    const Log log = info && info->sType == SAC_STRUCTURE_TYPE_CONTEXT_INFO ? Log{info->log, info->logUserData} : Log{};
    return guarded(error, &log, [&] {
        requireStructure(info, "info");
        require(context, "context");
        requireFlags(info->enabledFeatures, knownFeatures, "info->enabledFeatures");

        HostMemory memory(info->allocator);
        UniquePtr<SacContext_T> created = makeUnique<SacContext_T>(&memory, info->allocator);
        created->log = log;
        initialize(*created, *info);
        *context = created.release();
    });
}

extern "C" SAC_API void VKAPI_CALL sacDestroyContext(SacContext context) {
    if (!context)
        return;
    const Log log = context->log;
    guarded(nullptr, &log, [&] {
        if (const uint32_t models = context->modelCount.load())
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "context still has %u models, destroy them before it: nothing is destroyed", models);
        HostMemory memory(context->memory.callbacks());
        destroy(&memory, context);
    });
}
