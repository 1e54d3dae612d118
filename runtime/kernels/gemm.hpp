// SPDX-License-Identifier: Apache-2.0
// Grouped matrix product with a fused epilogue: every 1x1 convolution and Linear.
//
//   out[b, m, g*N + n] = residual + alpha * act(bias[g*N + n] + sum_k A[b, m, g*K + k] * W[g, k, n])
//
// b counts the batch, m rows (tokens or pixels), g groups, K input channels per group, N output channels per group.
#pragma once

#include <cstdint>
#include <span>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Operands: 0 A, 1 W (packed, see packGemmWeight), 2 bias (f32, groups * columns), 3 residual, 4 out. A, W, residual
/// and out have the storage type; bias and residual are bound only if the description has them.
struct GemmDesc {
    DataType storage = DataType::f32; ///< f32 or f16; sums are always f32
    uint32_t batch = 1;
    uint32_t rows = 0;    ///< M
    uint32_t columns = 0; ///< N of the weight. With geglu the out has N/2 columns per group: the first half of the
                          ///< layer's outputs are values, the second half gates (the order of torch's chunk(2))
    uint32_t depth = 0;   ///< K
    uint32_t groups = 1;
    uint64_t weightBatchStride = 0; ///< elements from the weight of a batch entry to the next, a multiple of
                                    ///< 4; 0: all have one
    MatrixLayout a;
    MatrixLayout out;
    MatrixLayout residual; ///< channelMajor is the out's
    bool bias = false;
    bool hasResidual = false;
    Activation activation; ///< before alpha and the residual
    float alpha = 1.0f;
};

/// One dispatch; groups[2] = batch * groups. Throws SAC_ERROR_INTERNAL for a description no module may build (a size of
/// 0, an unknown storage type, an odd geglu width) and SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not
/// reach.
Kernel gemm(const GemmDesc& desc, const DeviceProfile& profile);

/// Elements of the packed weight: [group][k, padded to 4][column, padded to 4].
uint64_t gemmWeightElements(const GemmDesc& desc);

/// Packs a PyTorch weight (groups * columns, depth), row-major, into what operand 1 holds: transposed, padded with
/// zeros, and with geglu's value and gate columns interleaved. A permutation, so it works on any element type:
/// instantiated for float and, as bits, for halves (uint16_t). packed.size() is gemmWeightElements(desc).
template <class Element>
void packGemmWeight(const GemmDesc& desc, std::span<const Element> weight, std::span<Element> packed);

} // namespace saccade
