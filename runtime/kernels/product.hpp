// Elementwise product of two tensors, the second through an activation: gated units (arXiv 2002.05202) and scales.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

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
    Activation activation = Activation::none; ///< of one number: not geglu
};

Kernel productKernel(const ProductDesc& desc, const DeviceProfile& device);

} // namespace saccade
