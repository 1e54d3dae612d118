// SPDX-License-Identifier: Apache-2.0
// Sums, means and maxima over one axis, softmax and l2 normalisation over it.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"
#include "kernels/views.hpp"

namespace saccade {

/// Numbered as in shaders/reduce.comp.
enum class Reduction : uint32_t {
    sum,
    mean,
    amax,     ///< NaN where an element is NaN
    softmax,  ///< exp(x - max) / sum of exp(x - max)
    normalize ///< x / max(|x|, epsilon), as torch.nn.functional.normalize with p = 2
};

/// Over `axis` of `size`. softmax and normalize write an element for each of the source; the others one for each row,
/// and ignore result.strides[axis]. Sums are float32, added in blocks: of 10^6 elements accurate to 1e-6.
///
/// Operands: 0 source, 1 result, both of the storage type. softmax and normalize may write over their source.
struct ReduceDesc {
    DataType storage = DataType::f32; ///< f32 or f16
    Reduction kind = Reduction::sum;
    Extents size{1, 1, 1, 1, 1, 1};
    uint32_t axis = maxAxes - 1;
    StridedView source, result;
    float epsilon = 1e-12f; ///< of normalize
};

/// One dispatch, or two over scratch where few rows are long; the same for any batch. Throws SAC_ERROR_INTERNAL for a
/// description no module may build, SAC_ERROR_UNSUPPORTED for 2^31 elements or more.
Kernel reduceKernel(const ReduceDesc& desc, const DeviceProfile& device);

} // namespace saccade
