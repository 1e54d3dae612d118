// SPDX-License-Identifier: Apache-2.0
// Deformable convolution in two dimensions over channels-last tokens (Zhu et al., arXiv 1811.11168; the arithmetic is
// ONNX's DeformConv).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// result[b, o, y, x] = bias[o] + sum over the channels c of o's group and the taps (i, j) of
///   weight[o, c, i, j] * mask * bilinear(input[b, :, :, c], y * stride - padding + i * dilation + dy, ... + dx),
/// zeros outside.
///
/// Operands: 0 input (batch, height * width, channels); 1 weight, packed by packGemmWeight for deformConvWeight();
/// 2 bias, f32 (outputs); 3 offsets, f32 (batch, offsetGroups, taps, 2, positions) as (dy, dx); 4 mask, f32 (batch,
/// offsetGroups, taps, positions); 5 result, in the layout `out`. 0, 1 and 5 have the storage type; 2, 3 and 4 are
/// bound only if the description has them. Arrays are (height, width).
struct DeformConvDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1;
    uint32_t channels = 1;     ///< divisible by groups and offsetGroups
    uint32_t outputs = 1;      ///< divisible by groups
    uint32_t groups = 1;       ///< of weights
    uint32_t offsetGroups = 1; ///< of channels, each with offsets and masks of its own
    std::array<uint32_t, 2> size{1, 1};
    std::array<uint32_t, 2> outSize{1, 1};
    std::array<uint32_t, 2> kernel{1, 1};
    std::array<uint32_t, 2> stride{1, 1};
    std::array<uint32_t, 2> padding{0, 0}; ///< before the first row and column; behind the last as much as it takes
    std::array<uint32_t, 2> dilation{1, 1};
    bool bias = false;
    bool offsets = false;
    bool mask = false;
    MatrixLayout out;
};

/// One dispatch; groups[2] = batch * groups. Throws SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not
/// reach.
Kernel deformConv(const DeformConvDesc& desc, const DeviceProfile& device);

/// The weight (outputs, channels / groups, height, width) as the one of a matrix product, for packing.
GemmDesc deformConvWeight(const DeformConvDesc& desc);

/// Packs on the device a weight that is an input. Operands: 0 weight, f32, in PyTorch's order; 1 packed, of the storage
/// type and gemmWeightElements(deformConvWeight(desc)) elements, of which those that only pad are left as they are.
Kernel packDeformConv(const DeformConvDesc& desc, const DeviceProfile& device);

} // namespace saccade
