// SPDX-License-Identifier: Apache-2.0
// Small operators over rows of channels: LayerNorm (Ba et al., arXiv 1607.06450), RMSNorm (Zhang and Sennrich, arXiv
// 1910.07467) and l2 normalisation, rotary position embedding (Su et al., arXiv 2104.09864), and the elementwise
// product of two tensors for gated units (arXiv 2002.05202) and scales.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/attention.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Each may have a shift, added last. Numbered as in shaders/norm.comp.
enum class NormKind : uint8_t {
    layer, ///< (x - mean) / sqrt(variance + epsilon) * scale + shift
    l2,    ///< x / max(|x|, epsilon) * scale, as torch.nn.functional.normalize
    rms    ///< x / sqrt(mean of x^2 + epsilon) * scale
};

/// Operands: 0 source, 1 result, both of the storage type; 2 scale, f32 (width), if hasScale; then shift, f32 (width),
/// if hasShift.
/// Each head of each token is a row. In place where source and result are the same tensor and view.
struct NormDesc {
    DataType storage = DataType::f32;
    NormKind kind = NormKind::layer;
    uint32_t batch = 1, tokens = 1, heads = 1;
    uint32_t width = 1;
    AttentionView source, result;
    bool hasScale = true;
    bool hasShift = false;
    float epsilon = 1e-5f;
};

Kernel normKernel(const NormDesc& desc, const DeviceProfile& device);

/// Turns pairs of the first `rotated` channels of every vector and copies the others. With source and result the same
/// tensor and view it works in place.
/// Operands: 0 source, 1 result, both of the storage type; 2 table, f32: angles (positions, rotated), one per channel
/// as rotary_embedding_torch keeps them, or cosines (positions, rotated / 2); 3 sines, if not `angles`; then positions
/// if they are read: int32 or int64 (batch, tokens), or an int32 that the first token's position is (`shifted`).
struct RotaryDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1, heads = 1, tokens = 1;
    uint32_t channels = 1;
    uint32_t rotated = 0; ///< even, at most channels
    AttentionView source, result;
    bool interleaved = true; ///< pairs (2i, 2i + 1); else (i, i + rotated / 2)
    bool angles = true;
    bool readsPositions = false;
    DataType positionType = DataType::i64; ///< i32 or i64
    bool shifted = false;
    int32_t largestShift = INT32_MAX; ///< the number read is clamped to 0 and this
    uint32_t tablePositions = 1;      ///< rows of the table of one batch entry; positions beyond the last use the last
    bool tablePerBatch = false;       ///< the table has rows for each batch entry
};

Kernel rotaryKernel(const RotaryDesc& desc, const DeviceProfile& device);

/// Where element (batch, row, channel) lies: offset + batch * batchStride + row * rowStride + channel * channelStride,
/// in elements. A stride of 0 repeats what it would step over.
struct ProductView {
    uint32_t offset = 0;
    uint32_t batchStride = 0;
    uint32_t rowStride = 0;
    uint32_t channelStride = 0;

    /// `width` channels of rows of `rowWidth`, from channel `first` on.
    static ProductView rows(uint32_t rows, uint32_t rowWidth, uint32_t first = 0) {
        return {first, rows * rowWidth, rowWidth, 1};
    }
    operator uvec4() const { return {offset, batchStride, rowStride, channelStride}; }
};

/// result = first * activation(second). Operands: 0 first, 1 second, 2 result. First and result have the storage type,
/// second too or f32.
struct ProductDesc {
    DataType storage = DataType::f32;
    DataType secondType = DataType::f32;
    uint32_t batch = 1;
    uint32_t rows = 1;
    uint32_t width = 1;
    ProductView first, second, result;
    Activation activation; ///< of one number: not geglu
};

Kernel productKernel(const ProductDesc& desc, const DeviceProfile& device);

} // namespace saccade
