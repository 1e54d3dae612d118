// Workgroups for items that have one flat index: x first, then y where x does not reach. Shaders find their item at
// (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * lanes + gl_LocalInvocationIndex.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/error.hpp"
#include "kernels/kernel.hpp"
#include "vulkan/device_profile.hpp"

namespace saccade {

/// Throws SAC_ERROR_UNSUPPORTED, naming `kernel`, where the device's dispatch limits do not reach.
inline void checkGroups(const char* kernel, const std::array<uint32_t, 3>& groups, const DeviceProfile& profile) {
    for (uint32_t i = 0; i < 3; ++i)
        if (groups[i] > profile.maxComputeWorkGroupCount[i])
            throw Error(SAC_ERROR_UNSUPPORTED, "%s: %u workgroups along axis %u exceed the device's %u", kernel,
                        groups[i], i, profile.maxComputeWorkGroupCount[i]);
}

/// `z` is the batch. Throws as checkGroups does, also for more items than 31 bits can number.
inline std::array<uint32_t, 3> flatGrid(const char* kernel, uint64_t items, uint32_t lanes, uint32_t z,
                                        const DeviceProfile& profile) {
    if (items > INT32_MAX)
        throw Error(SAC_ERROR_UNSUPPORTED, "%s: %llu items exceed 2^31", kernel, wide(items));
    const uint32_t count = divideUp(items, lanes);
    const uint32_t x = std::min(count, profile.maxComputeWorkGroupCount[0]);
    const std::array<uint32_t, 3> groups{x, divideUp(count, x), z};
    checkGroups(kernel, groups, profile);
    return groups;
}

} // namespace saccade
