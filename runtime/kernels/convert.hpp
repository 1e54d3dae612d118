// Layout and type conversion between what the engine binds and the tokens kernels want: (b, c, n) <-> (b, n, c), f32 <->
// f16, either or both at once, from or into a slice of the channels.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "kernels/kernel.hpp"
#include "kernels/matrix_layout.hpp"
#include "vulkan/capabilities.hpp"

namespace saccade {

/// Operands: 0 source, 1 result. Element (batch, token, channel) keeps its value; where it lies and its type change.
///
/// A slice of `channels` out of C channels is, as tokens, offset = first channel, stride = C, batchStride = tokens * C;
/// channel-major, offset = first channel * tokens, stride = tokens, batchStride = C * tokens. So several conversions into
/// one result let their sources stand side by side as channels.
struct ConvertDesc {
    DataType sourceType = DataType::f32; ///< f32 or f16
    DataType resultType = DataType::f32; ///< f32 or f16
    uint32_t batch = 1;
    uint32_t tokens = 1;
    uint32_t channels = 1;
    MatrixLayout source;
    MatrixLayout result;
};

/// One dispatch; groups[2] = batch. Throws SAC_ERROR_INTERNAL for a size of 0 or another type, SAC_ERROR_UNSUPPORTED where
/// the device's dispatch limits do not reach.
Kernel convert(const ConvertDesc& desc, const Capabilities& capabilities);

} // namespace saccade
