// SPDX-License-Identifier: Apache-2.0
// Group normalisation (Wu and He, arXiv 1803.08494) of channels-last maps.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// activation((x - mean) / sqrt(variance + epsilon) * scale + shift), mean and variance of each batch entry over all
/// tokens and the channels of a group, which lie side by side. As many groups as channels are an instance norm.
///
/// Operands: 0 source, 1 result, both of the storage type; 2 scale, 3 shift, f32 (channels), switched off where the
/// description has none. In place where source and result are the same tensor and layout.
struct GroupNormDesc {
    DataType storage = DataType::f32; ///< f32 or f16; statistics are f32
    uint32_t batch = 1;
    uint32_t tokens = 1; ///< pixels of a map
    uint32_t channels = 1;
    uint32_t groups = 1; ///< divides `channels`
    float epsilon = 1e-5f;
    bool hasScale = true;
    bool hasShift = true;
    MatrixLayout source, result; ///< of tokens, never channel-major
    Activation activation;       ///< of one number: not geglu
};

/// Three dispatches: moments of chunks, of groups, and the result. Throws SAC_ERROR_INTERNAL for a description no
/// module may build, SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel groupNormKernel(const GroupNormDesc& desc, const DeviceProfile& device);

} // namespace saccade
