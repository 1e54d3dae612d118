// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise.hpp"

#include "base/error.hpp"
#include "parameters/elementwise.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;
constexpr uint32_t resultOperand = 3;

// As in shaders/elementwise.comp.
enum class Source : uint32_t { number, elements, repeated };

bool isFloat(DataType type) { return type == DataType::f32 || type == DataType::f16; }

void check(const ElementwiseDesc& desc, uint32_t operands) {
    if (!isFloat(desc.storage) || !isFloat(desc.resultType))
        throw Error(SAC_ERROR_INTERNAL, "elementwise from %s to %s: not F32 or F16", dataTypeName(desc.storage),
                    dataTypeName(desc.resultType));
    if (desc.storage != desc.resultType && desc.op != ElementwiseOp::copy)
        throw Error(SAC_ERROR_INTERNAL, "elementwise operation %u converts: only copies do",
                    static_cast<uint32_t>(desc.op));
    const uint32_t numbers = desc.aIsNumber + desc.bIsNumber + desc.cIsNumber;
    if (numbers > 1 || (desc.bIsNumber && operands < 2) || (desc.cIsNumber && operands < 3))
        throw Error(SAC_ERROR_INTERNAL, "elementwise operation %u of %u operands, %u of them numbers",
                    static_cast<uint32_t>(desc.op), operands, numbers);
}

Shader shaderOf(const ElementwiseDesc& desc) {
    if (desc.storage == DataType::f16)
        return desc.resultType == DataType::f16 ? Shader::elementwiseF16 : Shader::elementwiseF16ToF32;
    return desc.resultType == DataType::f16 ? Shader::elementwiseF32ToF16 : Shader::elementwise;
}

} // namespace

Kernel elementwiseKernel(const ElementwiseDesc& desc, const DeviceProfile& device) {
    const uint32_t operands = desc.op == ElementwiseOp::copy ? 1 : desc.op == ElementwiseOp::lerp ? 3 : 2;
    check(desc, operands);
    const std::array<bool, 3> present{!desc.aIsNumber, operands > 1 && !desc.bIsNumber,
                                      operands > 2 && !desc.cIsNumber};
    std::array<StridedView, 4> views{desc.a, desc.b, desc.c, desc.result};
    for (size_t i = 0; i < 3; ++i)
        if (!present[i])
            views[i] = {};
    FixedVector<Axis, maxAxes> axes = collapsedAxes("elementwise", desc.size, views);

    // Four at a time where every view has them side by side or repeats one.
    Axis& last = axes.back();
    bool vectors = last.size % 4 == 0 && last.strides[resultOperand] == 1;
    for (size_t i = 0; i < views.size() && vectors; ++i) {
        if (last.strides[i] == 0)
            continue;
        uint32_t places = views[i].offset;
        for (size_t axis = 0; axis + 1 < axes.size(); ++axis)
            places |= axes[axis].strides[i];
        vectors = last.strides[i] == 1 && places % 4 == 0;
    }
    std::array<Source, 3> sources{};
    for (size_t i = 0; i < 3; ++i)
        if (present[i])
            sources[i] = vectors && last.strides[i] == 0 ? Source::repeated : Source::elements;
    if (vectors) {
        last.size /= 4;
        for (uint32_t& stride : last.strides)
            stride *= 4;
    }

    ElementwiseParameters p{};
    p.items = 1;
    for (size_t axis = 0; axis < axes.size(); ++axis) {
        p.sizes[axis] = divisor(axes[axis].size);
        p.strides[axis] = vector4(axes[axis].strides);
        p.items *= axes[axis].size;
    }
    p.offsets = {views[0].offset, views[1].offset, views[2].offset, views[3].offset};
    p.number = desc.number;
    p.activationA = desc.activation.a;
    p.activationB = desc.activation.b;

    Dispatch dispatch;
    dispatch.shader = shaderOf(desc);
    dispatch.constants = {lanes,
                          static_cast<uint32_t>(desc.op),
                          static_cast<uint32_t>(axes.size()),
                          vectors,
                          static_cast<uint32_t>(sources[0]),
                          static_cast<uint32_t>(sources[1]),
                          static_cast<uint32_t>(sources[2]),
                          static_cast<uint32_t>(desc.activation.kind)};
    dispatch.parameters.set(p);
    // What is not there is bound to what is.
    const uint8_t spare = present[0] ? 0 : present[1] ? 1 : resultOperand;
    for (uint8_t i = 0; i < 3; ++i)
        dispatch.bindings.push_back({present[i] ? i : spare, Access::read});
    dispatch.bindings.push_back({resultOperand, Access::write});
    dispatch.groups = flatGrid("elementwise", p.items, lanes, 1, device);

    Kernel kernel;
    kernel.operandCount = 4;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = desc.op == ElementwiseOp::copy ? 0 : elementCount(desc.size);
    kernel.batched = false;
    return kernel;
}

Kernel zerosKernel(DataType type, const Extents& size, const StridedView& places, const DeviceProfile& device) {
    ElementwiseDesc desc;
    desc.storage = desc.resultType = type;
    desc.size = size;
    desc.aIsNumber = true;
    desc.result = places;
    return elementwiseKernel(desc, device);
}

} // namespace saccade
