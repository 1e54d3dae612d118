// Copies between strided views: concatenation, broadcast, slices, and key-value caches that grow at a place known only
// when the kernel runs.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Where element (batch, head, token, channel) lies, in elements. Stride 0 in a source broadcasts.
struct CopyView {
    uint32_t offset = 0;
    uint32_t batchStride = 0, headStride = 0, tokenStride = 0, channelStride = 1;
};

/// Operands: 0 source, 1 result, 2 shift (i32, its first element is used) if `shifted`.
struct CopyDesc {
    DataType fromType = DataType::f32; ///< f32 or f16
    DataType toType = DataType::f32;
    uint32_t batch = 1, heads = 1, tokens = 1, channels = 1;
    CopyView from, to;
    /// Token t goes to token t + shift of the result, which has room for `toTokens`. The shift is clamped to 0 and
    /// toTokens - tokens, so that every token has its place.
    bool shifted = false;
    uint32_t toTokens = 0; ///< if shifted: at least `tokens`
};

Kernel copyKernel(const CopyDesc& desc, const DeviceProfile& device);

} // namespace saccade
