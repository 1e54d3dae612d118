// SPDX-License-Identifier: Apache-2.0
#include "vulkan/profile_query.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "vulkan/device.hpp"

namespace saccade {
namespace {

using Extensions = std::pmr::vector<VkExtensionProperties>;

// A driver that cannot answer is an error: without the extension other kernels would be chosen, and nobody told. The
// list is far too long for the stack of an engine's job.
Extensions listExtensions(const InstanceTable& vk, VkPhysicalDevice device, std::pmr::memory_resource* memory) {
    constexpr const char* function = "vkEnumerateDeviceExtensionProperties";
    uint32_t count = 0;
    check(vk.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr), function);
    Extensions extensions(count, memory);
    const VkResult result = vk.EnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
    if (result != VK_INCOMPLETE)
        check(result, function);
    extensions.resize(std::min<size_t>(count, extensions.size()));
    return extensions;
}

bool has(const Extensions& extensions, const char* name) {
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
}

// VK_KHR_cooperative_matrix is younger than the oldest Vulkan headers that the library compiles with: its names, with
// the numbers of the registry.
constexpr auto matrixPropertiesType = static_cast<VkStructureType>(1000506001);
constexpr int32_t componentFloat16 = 0, componentFloat32 = 1; // VkComponentTypeKHR
constexpr int32_t scopeSubgroup = 3;                          // VkScopeKHR
struct MatrixProperties {
    VkStructureType sType;
    void* pNext;
    uint32_t mSize, nSize, kSize;
    int32_t aType, bType, cType, resultType;
    VkBool32 saturatingAccumulation;
    int32_t scope;
};
using GetMatrixProperties = VkResult(VKAPI_PTR*)(VkPhysicalDevice, uint32_t*, MatrixProperties*);

void queryMatrixShapes(const InstanceTable& vk, VkPhysicalDevice device, std::pmr::memory_resource* memory,
                       SacDeviceProfile& profile) {
    constexpr const char* function = "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR";
    const auto get = reinterpret_cast<GetMatrixProperties>(vk.getMatrixProperties);
    if (!get)
        return;
    uint32_t count = 0;
    check(get(device, &count, nullptr), function);
    std::pmr::vector<MatrixProperties> all(count, memory);
    for (MatrixProperties& one : all)
        one.sType = matrixPropertiesType;
    const VkResult result = get(device, &count, all.data());
    if (result != VK_INCOMPLETE)
        check(result, function);
    for (const MatrixProperties& one : std::span(all).first(std::min<size_t>(count, all.size()))) {
        const bool floats = one.aType == componentFloat16 && one.bType == componentFloat16 &&
                            one.cType == one.resultType &&
                            (one.resultType == componentFloat16 || one.resultType == componentFloat32);
        if (floats && one.scope == scopeSubgroup && profile.matrixShapeCount < SAC_MAX_MATRIX_SHAPES)
            profile.matrixShapes[profile.matrixShapeCount++] = {one.mSize, one.nSize, one.kSize,
                                                                one.resultType == componentFloat32};
    }
}

void requireBoolean(const char* name, VkBool32 given, VkBool32 device) {
    if (given != VK_FALSE && given != VK_TRUE)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->%s is %u, it must be VK_FALSE or VK_TRUE", name, given);
    if (given && !device)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->%s is VK_TRUE, the device has it as VK_FALSE", name);
}

void requireLimit(const char* name, uint64_t given, uint64_t least, uint64_t most) {
    if (given < least)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->%s is %llu, every device of Vulkan 1.1 has %llu", name,
                    wide(given), wide(least));
    if (given > most)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->%s is %llu, the device has %llu", name, wide(given),
                    wide(most));
}

void requireLimits(const char* name, const uint32_t (&given)[3], const uint32_t (&least)[3],
                   const uint32_t (&most)[3]) {
    char indexed[64];
    for (int axis = 0; axis < 3; ++axis) {
        std::snprintf(indexed, sizeof(indexed), "%s[%d]", name, axis);
        requireLimit(indexed, given[axis], least[axis], most[axis]);
    }
}

// A device without limits, for a profile that has no device to exceed.
DeviceProfile unlimited() {
    DeviceProfile all;
    all.apiVersion = UINT32_MAX;
    all.subgroupSize = 128;
    all.subgroupOperations = ~VkSubgroupFeatureFlags{0};
    all.maxComputeWorkGroupInvocations = all.maxComputeSharedMemorySize = all.maxPushConstantsSize =
        all.maxPerStageDescriptorStorageBuffers = UINT32_MAX;
    std::fill_n(all.maxComputeWorkGroupSize, 3, UINT32_MAX);
    std::fill_n(all.maxComputeWorkGroupCount, 3, UINT32_MAX);
    all.maxStorageBufferRange = UINT64_MAX;
    all.minStorageBufferOffsetAlignment = 1;
    all.storageBuffer16BitAccess = all.pushDescriptors = all.shaderStorageImageWriteWithoutFormat = all.shaderFloat16 =
        VK_TRUE;
    return all;
}

void checkSubgroup(const SacDeviceProfile& given, const SacDeviceProfile& most, bool device) {
    if (!std::has_single_bit(given.subgroupSize) || given.subgroupSize > 128)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->subgroupSize is %u, it is a power of two from 1 to 128",
                    given.subgroupSize);
    if (const VkSubgroupFeatureFlags more = given.subgroupOperations & ~most.subgroupOperations)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->profile->subgroupOperations is 0x%x, the device has 0x%x, without 0x%x",
                    given.subgroupOperations, most.subgroupOperations, more);
    if (given.subgroupSize > most.subgroupSize)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->subgroupSize is %u, the device has %u",
                    given.subgroupSize, most.subgroupSize);
    if (device && given.subgroupOperations && given.subgroupSize != most.subgroupSize)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->profile->subgroupSize is %u, the device has %u; it may be smaller only where "
                    "subgroupOperations is 0",
                    given.subgroupSize, most.subgroupSize);
}

void checkMatrixShapes(const SacDeviceProfile& given, const DeviceProfile* device) {
    if (given.matrixShapeCount > SAC_MAX_MATRIX_SHAPES)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->matrixShapeCount is %u, at most %u",
                    given.matrixShapeCount, SAC_MAX_MATRIX_SHAPES);
    for (uint32_t i = 0; i < given.matrixShapeCount; ++i) {
        const SacMatrixShape& shape = given.matrixShapes[i];
        const auto equal = [&](const SacMatrixShape& other) {
            return other.m == shape.m && other.n == shape.n && other.k == shape.k &&
                   other.float32Result == shape.float32Result;
        };
        const bool known =
            device ? std::any_of(device->matrixShapes, device->matrixShapes + device->matrixShapeCount, equal)
                   : shape.m && shape.n && shape.k && shape.float32Result <= VK_TRUE;
        if (!known)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->profile->matrixShapes[%u] is %u x %u x %u with float32Result %u, %s", i, shape.m,
                        shape.n, shape.k, shape.float32Result,
                        device ? "the device has no such shape" : "sizes are at least 1 and float32Result a VkBool32");
    }
}

} // namespace

bool hasExtension(const InstanceTable& vk, VkPhysicalDevice device, const char* name,
                  std::pmr::memory_resource* memory) {
    return has(listExtensions(vk, device, memory), name);
}

DeviceProfile queryProfile(const InstanceTable& vk, VkPhysicalDevice device, std::pmr::memory_resource* memory) {
    VkPhysicalDeviceSubgroupProperties subgroup{};
    subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    VkPhysicalDeviceProperties2 properties{};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    properties.pNext = &subgroup;
    vk.GetPhysicalDeviceProperties2(device, &properties);

    const Extensions extensions = listExtensions(vk, device, memory);
    VkPhysicalDeviceShaderFloat16Int8Features float16{};
    float16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
    VkPhysicalDevice16BitStorageFeatures storage16{};
    storage16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
    if (has(extensions, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME))
        storage16.pNext = &float16;
    VkPhysicalDeviceFeatures2 features{};
    features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    features.pNext = &storage16;
    vk.GetPhysicalDeviceFeatures2(device, &features);

    const VkPhysicalDeviceLimits& limits = properties.properties.limits;
    DeviceProfile p;
    p.kind =
        properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ? SAC_DEVICE_KIND_CPU : SAC_DEVICE_KIND_GPU;
    p.vendorID = properties.properties.vendorID;
    p.apiVersion = properties.properties.apiVersion;
    p.subgroupSize = subgroup.subgroupSize ? subgroup.subgroupSize : 1;
    p.subgroupOperations = subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT ? subgroup.supportedOperations : 0;
    p.maxComputeWorkGroupInvocations = limits.maxComputeWorkGroupInvocations;
    std::copy_n(limits.maxComputeWorkGroupSize, 3, p.maxComputeWorkGroupSize);
    std::copy_n(limits.maxComputeWorkGroupCount, 3, p.maxComputeWorkGroupCount);
    p.maxComputeSharedMemorySize = limits.maxComputeSharedMemorySize;
    p.maxPushConstantsSize = limits.maxPushConstantsSize;
    p.maxPerStageDescriptorStorageBuffers = limits.maxPerStageDescriptorStorageBuffers;
    p.maxStorageBufferRange = limits.maxStorageBufferRange;
    p.minStorageBufferOffsetAlignment = std::max<VkDeviceSize>(limits.minStorageBufferOffsetAlignment, 1);
    p.storageBuffer16BitAccess = storage16.storageBuffer16BitAccess;
    p.pushDescriptors = has(extensions, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
    p.shaderStorageImageWriteWithoutFormat = features.features.shaderStorageImageWriteWithoutFormat;
    p.shaderFloat16 = float16.shaderFloat16;
    if (has(extensions, "VK_KHR_cooperative_matrix"))
        queryMatrixShapes(vk, device, memory, p);
    return p;
}

const char* unsupportedReason(const DeviceProfile& profile) {
    if (profile.apiVersion < VK_API_VERSION_1_1)
        return "the device is below Vulkan 1.1";
    return nullptr;
}

DeviceProfile checkedProfile(const SacDeviceProfile& given, const DeviceProfile* device) {
    const DeviceProfile least, most = device ? *device : unlimited();
    if (given.kind != SAC_DEVICE_KIND_GPU && given.kind != SAC_DEVICE_KIND_CPU)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->profile->kind is %d, no SacDeviceKind",
                    static_cast<int>(given.kind));
    requireLimit("apiVersion", given.apiVersion, least.apiVersion, most.apiVersion);
    checkSubgroup(given, most, device);
    requireLimit("maxComputeWorkGroupInvocations", given.maxComputeWorkGroupInvocations,
                 least.maxComputeWorkGroupInvocations, most.maxComputeWorkGroupInvocations);
    requireLimits("maxComputeWorkGroupSize", given.maxComputeWorkGroupSize, least.maxComputeWorkGroupSize,
                  most.maxComputeWorkGroupSize);
    requireLimits("maxComputeWorkGroupCount", given.maxComputeWorkGroupCount, least.maxComputeWorkGroupCount,
                  most.maxComputeWorkGroupCount);
    requireLimit("maxComputeSharedMemorySize", given.maxComputeSharedMemorySize, least.maxComputeSharedMemorySize,
                 most.maxComputeSharedMemorySize);
    requireLimit("maxPushConstantsSize", given.maxPushConstantsSize, least.maxPushConstantsSize,
                 most.maxPushConstantsSize);
    requireLimit("maxPerStageDescriptorStorageBuffers", given.maxPerStageDescriptorStorageBuffers,
                 least.maxPerStageDescriptorStorageBuffers, most.maxPerStageDescriptorStorageBuffers);
    requireLimit("maxStorageBufferRange", given.maxStorageBufferRange, least.maxStorageBufferRange,
                 most.maxStorageBufferRange);
    const VkDeviceSize alignment = given.minStorageBufferOffsetAlignment;
    if (!std::has_single_bit(alignment) || alignment > least.minStorageBufferOffsetAlignment ||
        alignment < most.minStorageBufferOffsetAlignment)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->profile->minStorageBufferOffsetAlignment is %llu, it is a power of two from the device's "
                    "%llu to %llu",
                    wide(alignment), wide(most.minStorageBufferOffsetAlignment),
                    wide(least.minStorageBufferOffsetAlignment));
    requireBoolean("storageBuffer16BitAccess", given.storageBuffer16BitAccess, most.storageBuffer16BitAccess);
    requireBoolean("pushDescriptors", given.pushDescriptors, most.pushDescriptors);
    requireBoolean("shaderStorageImageWriteWithoutFormat", given.shaderStorageImageWriteWithoutFormat,
                   most.shaderStorageImageWriteWithoutFormat);
    requireBoolean("shaderFloat16", given.shaderFloat16, most.shaderFloat16);
    checkMatrixShapes(given, device);
    DeviceProfile out;
    static_cast<SacDeviceProfile&>(out) = given;
    return out;
}

} // namespace saccade
