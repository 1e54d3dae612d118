// SPDX-License-Identifier: Apache-2.0
// Copies that rearrange. copyKernel: between strided views, for concatenation, broadcast, slices, and key-value caches
// that grow at a place known only when the kernel runs. convert: between what an engine binds and the tokens used
// inside, (b, c, n) <-> (b, n, c), f32 <-> f16, either or both at once, from or into a slice of the channels.
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

/// Operands: 0 from, 1 to.
///
/// A slice of `channels` out of C channels is, as tokens, offset = first channel, stride = C, batchStride = tokens * C;
/// channel-major, offset = first channel * tokens, stride = tokens, batchStride = C * tokens. So several conversions
/// into one destination concatenate their sources along the channels.
struct ConvertDesc {
    DataType fromType = DataType::f32; ///< f32 or f16
    DataType toType = DataType::f32;   ///< f32 or f16, rounded as shaders/floats.glsl says
    uint32_t batch = 1;
    uint32_t tokens = 1;   ///< n: product of the spatial sizes
    uint32_t channels = 1; ///< c
    MatrixLayout from;
    MatrixLayout to;
};

/// One dispatch; groups[2] = batch. Equal types and layouts are a copy. Throws SAC_ERROR_INTERNAL for a size of 0 or
/// another type, SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel convert(const ConvertDesc& desc, const DeviceProfile& profile);

} // namespace saccade
