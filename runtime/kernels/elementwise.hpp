// SPDX-License-Identifier: Apache-2.0
// Arithmetic element by element, with PyTorch's broadcasting as strides of 0: add, mul, lerp and their kin, copies that
// rearrange or convert, and activations by themselves.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernel.hpp"
#include "kernels/views.hpp"

namespace saccade {

/// Each as PyTorch's function of this name: maximum and minimum of a NaN are NaN, pow takes negative bases to whole
/// exponents. Numbered as in shaders/elementwise.comp.
enum class ElementwiseOp : uint32_t { copy, add, sub, mul, div, maximum, minimum, pow, lerp };

/// result = activation(op(a, b, c)). copy has one operand, lerp three (start, end, weight), the others two.
///
/// Operands: 0 a, 1 b, 2 c, 3 result. Those that the operation lacks, or whose place `number` takes, are switched off.
/// The result may lie in the tensor and at the places of an operand.
struct ElementwiseDesc {
    DataType storage = DataType::f32;    ///< of the operands: f32 or f16
    DataType resultType = DataType::f32; ///< differs from `storage` only in a copy, which then converts, rounded as
                                         ///< shaders/floats.glsl says
    ElementwiseOp op = ElementwiseOp::copy;
    Extents size{1, 1, 1, 1, 1, 1}; ///< of the result, to which operands are broadcast
    StridedView a, b, c, result;
    bool aIsNumber = false, bIsNumber = false, cIsNumber = false; ///< `number` instead of a tensor; at most one
    float number = 0;
    Activation activation; ///< of one number: not geglu
};

/// One dispatch, the same for any batch. Throws SAC_ERROR_INTERNAL for a description no module may build,
/// SAC_ERROR_UNSUPPORTED for 2^31 elements or more.
Kernel elementwiseKernel(const ElementwiseDesc& desc, const DeviceProfile& device);

/// Zeros at these places of a tensor of this type. Operands: 3 the tensor.
Kernel zerosKernel(DataType type, const Extents& size, const StridedView& places, const DeviceProfile& device);

} // namespace saccade
