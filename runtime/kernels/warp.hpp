// SPDX-License-Identifier: Apache-2.0
// What renderers' networks do to images pixel by pixel: reprojection by motion vectors, and filters that a network
// predicts for each pixel (Bako et al., "Kernel-predicting convolutional networks for denoising Monte Carlo
// renderings", 2017).
//
// A map is a view whose last four axes are batch, row, column and channel; it is fastest where channels lie side by
// side, which nothing asks for.
#pragma once

#include <array>
#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"
#include "kernels/views.hpp"

namespace saccade {

/// result at pixel (i, j) = source at (i + scale[1] * motion[1], j + scale[0] * motion[0]), bilinear or nearest with
/// ties to even pixels. Outside the map is zero, or with `border` the nearest pixel of its edge. Motion of NaN leads
/// before the first pixel; whatever motion holds, nothing is read outside of the map.
///
/// Operands: 0 source, 1 motion of two channels, 2 result; 0 and 2 of the storage type.
struct WarpDesc {
    DataType storage = DataType::f32;    ///< f32 or f16
    DataType motionType = DataType::f32; ///< f32 or the storage type
    bool nearest = false;
    bool border = true;
    uint32_t batch = 1, rows = 1, columns = 1, channels = 1;
    std::array<float, 2> scale{1, 1}; ///< of x and y
    StridedView source, motion, result;
};

/// One dispatch. Throws SAC_ERROR_INTERNAL for a description no module may build, SAC_ERROR_UNSUPPORTED where the
/// device's dispatch limits do not reach.
Kernel warpKernel(const WarpDesc& desc, const DeviceProfile& device);

/// What a pixel's weights are brought to. Numbered as in shaders/apply_kernels.comp.
enum class KernelNormalization : uint32_t {
    none,
    softmax,
    sum ///< each is divided by their sum
};

constexpr uint32_t maxAppliedSize = 21;

/// result at pixel (y, x) = sum over i, j of kernels[i * size + j] at (y, x) * source at (y + i - size / 2,
/// x + j - size / 2). Outside the map is zero, or with `border` the nearest pixel of its edge.
///
/// Operands: 0 source, 1 kernels of size * size channels, 2 result; all of the storage type.
struct ApplyKernelsDesc {
    DataType storage = DataType::f32; ///< f32 or f16
    uint32_t size = 1;                ///< odd, 1..maxAppliedSize
    KernelNormalization normalization = KernelNormalization::none;
    bool border = true;
    uint32_t batch = 1, rows = 1, columns = 1, channels = 1;
    StridedView source, kernels, result;
};

/// One dispatch. Throws as warpKernel.
Kernel applyKernelsKernel(const ApplyKernelsDesc& desc, const DeviceProfile& device);

} // namespace saccade
