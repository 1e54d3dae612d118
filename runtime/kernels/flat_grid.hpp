// Workgroups for items that have one flat index: x first, then y where x does not reach. Shaders find their item at
// (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * lanes + gl_LocalInvocationIndex.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/device_profile.hpp"
#include "base/error.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// `z` is the batch. Throws SAC_ERROR_UNSUPPORTED, naming `kernel`, for more items than 31 bits can number.
inline std::array<uint32_t, 3> flatGrid(const char* kernel, uint64_t items, uint32_t lanes, uint32_t z,
                                        const DeviceProfile& profile) {
    if (items > INT32_MAX)
        throw Error(SAC_ERROR_UNSUPPORTED, "%s: %llu items exceed 2^31", kernel, wide(items));
    const uint32_t count = divideUp(items, lanes);
    const uint32_t x = std::min(count, profile.maxComputeWorkGroupCount[0]);
    return {x, divideUp(count, x), z};
}

} // namespace saccade
