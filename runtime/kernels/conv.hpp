// SPDX-License-Identifier: Apache-2.0
// Convolutions over channels-last tokens: deformable ones in two dimensions (Zhu et al., arXiv 1811.11168; the
// arithmetic is ONNX's DeformConv) and plain ones, which are the same without offsets; depthwise ones in up to three
// dimensions, stride 1.
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

/// Operands: 0 source (batch, size..., channels), 1 packed weights (f32), 2 result of the source's shape. Arrays are
/// (depth, height, width); leading ones are 1 in fewer dimensions.
struct DepthwiseConvDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1;
    uint32_t channels = 1;
    std::array<uint32_t, 3> size{1, 1, 1};
    std::array<uint32_t, 3> kernel{1, 1, 1};
    std::array<uint32_t, 3> padding{0, 0, 0}; ///< zeros before the first token; behind the last as many as it takes
    bool addsSource = false;                  ///< result = source + convolution
};

Kernel depthwiseConvKernel(const DepthwiseConvDesc& desc, const DeviceProfile& device);

/// Packs a weight (channels, 1, taps) and its bias (channels) as [tap][channel], [channel]: (taps + 1) * channels
/// floats.
void packDepthwiseConv(std::span<const float> weight, std::span<const float> bias, std::span<float> packed);

} // namespace saccade
