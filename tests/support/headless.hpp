// SPDX-License-Identifier: Apache-2.0
// A device that is nowhere: for contexts that plan only.
#pragma once

#include <saccade/saccade.h>

namespace saccade::test {

/// What a desktop GPU has.
inline SacDeviceProfile desktopProfile() {
    SacDeviceProfile profile{};
    profile.sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE;
    profile.kind = SAC_DEVICE_KIND_GPU;
    profile.apiVersion = VK_API_VERSION_1_3;
    profile.subgroupSize = 32;
    profile.subgroupOperations = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    profile.maxComputeWorkGroupInvocations = 1024;
    profile.maxComputeWorkGroupSize[0] = profile.maxComputeWorkGroupSize[1] = 1024;
    profile.maxComputeWorkGroupSize[2] = 64;
    for (uint32_t& count : profile.maxComputeWorkGroupCount)
        count = 65535;
    profile.maxComputeSharedMemorySize = 49152;
    profile.maxPushConstantsSize = 256;
    profile.maxPerStageDescriptorStorageBuffers = 1024;
    profile.maxStorageBufferRange = 0xffffffff;
    profile.minStorageBufferOffsetAlignment = 16;
    profile.storageBuffer16BitAccess = VK_TRUE;
    profile.pushDescriptors = VK_TRUE;
    profile.shaderStorageImageWriteWithoutFormat = VK_TRUE;
    return profile;
}

} // namespace saccade::test
