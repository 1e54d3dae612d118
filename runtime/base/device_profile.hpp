// SPDX-License-Identifier: Apache-2.0
// What the library assumes about a device: plain numbers, read by every choice of a kernel, its workgroups and its
// tiles. A device is queried for them (vulkan/profile_query.hpp), or the engine states them.
#pragma once

#include <algorithm>

#include <saccade/saccade.h>

namespace saccade {

struct DeviceProfile : SacDeviceProfile {
    /// Vulkan 1.1's guaranteed minimum: a GPU without any optional feature.
    DeviceProfile() : SacDeviceProfile{} {
        sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE;
        apiVersion = VK_API_VERSION_1_1;
        subgroupSize = 1;
        maxComputeWorkGroupInvocations = 128;
        maxComputeWorkGroupSize[0] = maxComputeWorkGroupSize[1] = 128;
        maxComputeWorkGroupSize[2] = 64;
        std::fill_n(maxComputeWorkGroupCount, 3, 65535u);
        maxComputeSharedMemorySize = 16384;
        maxPushConstantsSize = 128;
        maxPerStageDescriptorStorageBuffers = 4;
        maxStorageBufferRange = 1u << 27;
        minStorageBufferOffsetAlignment = 256;
    }

    bool isCpu() const { return kind == SAC_DEVICE_KIND_CPU; }
    /// Google's CPU driver, which browsers and virtual machines fall back to: vectors of four lanes, 16 registers.
    bool isSwiftShader() const { return vendorID == 0x1ae0; }
    /// Whether compute shaders may use all of `operations`.
    bool hasSubgroup(VkSubgroupFeatureFlags operations) const {
        return (subgroupOperations & operations) == operations;
    }
};

} // namespace saccade
