// Layout and type conversion between what an engine binds and the tokens used inside: (b, c, n) <-> (b, n, c), f32 <->
// f16, either or both at once, from or into a slice of the channels.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"
#include "kernels/matrix_layout.hpp"

namespace saccade {

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
