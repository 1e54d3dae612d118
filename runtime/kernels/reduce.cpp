// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "parameters/reduce.h"

namespace saccade {
namespace {

constexpr uint32_t workgroup = 64;
constexpr uint32_t maxSegments = 256;
constexpr uint32_t longestRun = 16384; ///< steps of an invocation for which blocked sums stay accurate

// As in shaders/reduce.comp.
enum class Phase : uint32_t { whole, partial, apply };
enum class Vectors : uint32_t { none, along, across };

bool writesElements(Reduction kind) { return kind == Reduction::softmax || kind == Reduction::normalize; }

// Rows and what they are read and written through.
struct Rows {
    FixedVector<Axis, maxAxes> axes; ///< strides: source, result
    uint32_t sourceOffset = 0, resultOffset = 0;
    uint32_t length = 1;
    uint32_t sourceStride = 1, resultStride = 1; ///< along a row
};

bool alignedRows(const Rows& rows, size_t view, size_t axes) {
    uint32_t places = view == 0 ? rows.sourceOffset : rows.resultOffset;
    for (size_t axis = 0; axis < axes; ++axis)
        places |= rows.axes[axis].strides[view];
    return places % 4 == 0;
}

Vectors vectorsOf(const Rows& rows, Reduction kind) {
    const size_t count = rows.axes.size();
    const bool elements = writesElements(kind);
    if (rows.sourceStride == 1) {
        const bool result = !elements || (rows.resultStride == 1 && alignedRows(rows, 1, count));
        return rows.length % 4 == 0 && alignedRows(rows, 0, count) && result ? Vectors::along : Vectors::none;
    }
    const Axis& last = rows.axes.back();
    const bool across = last.size % 4 == 0 && last.strides[0] == 1 && last.strides[1] == 1 &&
                        rows.sourceStride % 4 == 0 && alignedRows(rows, 0, count - 1) &&
                        (!elements || rows.resultStride % 4 == 0) && alignedRows(rows, 1, count - 1);
    return across ? Vectors::across : Vectors::none;
}

// How rows are spread over invocations.
struct Plan {
    Vectors vectors = Vectors::none;
    bool neighbouringRows = false;
    uint32_t rows = 1;   ///< or vectors of four
    uint32_t length = 1; ///< steps along a row
    uint32_t lanes = 1;
    uint32_t segments = 1, segmentLength = 1;
};

Plan planOf(const Rows& rows, Reduction kind, bool whole, const DeviceProfile& device) {
    Plan plan;
    plan.vectors = vectorsOf(rows, kind);
    plan.neighbouringRows = rows.sourceStride != 1;
    plan.rows = 1;
    for (const Axis& axis : rows.axes)
        plan.rows *= axis.size;
    if (plan.vectors == Vectors::across)
        plan.rows /= 4;
    plan.length = plan.vectors == Vectors::along ? rows.length / 4 : rows.length;
    // A software driver computes a row per invocation: a barrier costs it more than strided reads.
    while (!device.isCpu() && !plan.neighbouringRows && plan.lanes < workgroup && plan.lanes * 4 < plan.length)
        plan.lanes *= 2;
    plan.segmentLength = plan.length;
    if (whole)
        return plan;
    // As many segments as fill the machine, but none shorter than there are segments: they are read for each.
    const uint64_t invocations = uint64_t{plan.rows} * plan.lanes;
    const uint64_t fill = (device.isCpu() ? 1024u : 16384u) / invocations;
    const auto useful = static_cast<uint64_t>(std::sqrt(plan.length / plan.lanes));
    const uint64_t accurate = divideUp(plan.length, uint64_t{plan.lanes} * longestRun);
    const uint64_t segments =
        std::clamp<uint64_t>(std::min(fill, useful), accurate, std::max<uint64_t>(accurate, maxSegments));
    plan.segmentLength = divideUp(plan.length, std::max<uint64_t>(segments, 1));
    plan.segments = divideUp(plan.length, plan.segmentLength);
    return plan;
}

Shader shaderOf(DataType from, DataType to) {
    if (from == DataType::f16)
        return to == DataType::f16 ? Shader::reduceF16 : Shader::reduceF16ToF32;
    return to == DataType::f16 ? Shader::reduceF32ToF16 : Shader::reduce;
}

Dispatch dispatchOf(const ReduceDesc& desc, const Rows& rows, const Plan& plan, Phase phase, float scale,
                    const DeviceProfile& device) {
    ReduceParameters p{};
    for (size_t i = 0; i < rows.axes.size(); ++i) {
        const bool vectors = plan.vectors == Vectors::across && i + 1 == rows.axes.size();
        const Axis& axis = rows.axes[i];
        p.rowSizes[i] = divisor(vectors ? axis.size / 4 : axis.size);
        p.rowStrides[i] = {axis.strides[0] * (vectors ? 4 : 1), axis.strides[1] * (vectors ? 4 : 1), 0, 0};
    }
    const uint32_t step = plan.vectors == Vectors::along ? 4 : 1;
    p.divisorRows = divisor(plan.rows);
    p.divisorSegments = divisor(plan.segments);
    p.rows = plan.rows;
    p.length = plan.length;
    p.segments = plan.segments;
    p.segmentLength = plan.segmentLength;
    p.sourceOffset = rows.sourceOffset;
    p.sourceStep = rows.sourceStride * step;
    p.resultOffset = rows.resultOffset;
    p.resultStep = rows.resultStride * step;
    p.scale = scale;
    p.epsilon = desc.epsilon;

    const uint32_t rowsPerGroup = workgroup / plan.lanes;
    Dispatch dispatch;
    dispatch.constants = {workgroup,
                          plan.lanes,
                          rowsPerGroup,
                          static_cast<uint32_t>(desc.kind == Reduction::mean ? Reduction::sum : desc.kind),
                          static_cast<uint32_t>(phase),
                          static_cast<uint32_t>(plan.vectors),
                          static_cast<uint32_t>(rows.axes.size()),
                          plan.neighbouringRows};
    dispatch.sharedBytes = 16 * workgroup;
    dispatch.parameters.set(p);
    dispatch.groups = flatGrid("reduction", uint64_t{plan.rows} * plan.segments, rowsPerGroup, 1, device);
    return dispatch;
}

} // namespace

Kernel reduceKernel(const ReduceDesc& desc, const DeviceProfile& device) {
    if ((desc.storage != DataType::f32 && desc.storage != DataType::f16) || desc.axis >= maxAxes)
        throw Error(SAC_ERROR_INTERNAL, "reduction of %s over axis %u: there is none", dataTypeName(desc.storage),
                    desc.axis);
    Extents rowExtents = desc.size;
    rowExtents[desc.axis] = 1;
    if (elementCount(desc.size) > INT32_MAX)
        throw Error(SAC_ERROR_UNSUPPORTED, "reduction: %llu elements exceed 2^31", wide(elementCount(desc.size)));
    Rows rows;
    rows.axes = collapsedAxes("reduction", rowExtents, std::array{desc.source, desc.result});
    rows.sourceOffset = desc.source.offset;
    rows.resultOffset = desc.result.offset;
    rows.length = desc.size[desc.axis];
    rows.sourceStride = desc.source.strides[desc.axis];
    rows.resultStride = desc.result.strides[desc.axis];
    const float scale = desc.kind == Reduction::mean ? 1.0f / static_cast<float>(rows.length) : 1.0f;
    const Plan plan = planOf(rows, desc.kind, false, device);

    Kernel kernel;
    kernel.operandCount = 2;
    kernel.batched = false;
    kernel.flops = elementCount(desc.size) * (writesElements(desc.kind) ? 4 : 1);
    if (plan.segments == 1) {
        Dispatch dispatch = dispatchOf(desc, rows, plan, Phase::whole, scale, device);
        dispatch.shader = shaderOf(desc.storage, desc.storage);
        dispatch.bindings = {{0, Access::read}, {1, Access::write}, {0, Access::read}};
        kernel.dispatches.push_back(dispatch);
        return kernel;
    }
    const uint32_t pair = desc.kind == Reduction::softmax ? 2 : 1;
    const uint64_t allRows = elementCount(rowExtents);
    kernel.scratchBytes.push_back(4 * allRows * plan.segments * pair);
    constexpr uint8_t scratch = 2;
    Dispatch partial = dispatchOf(desc, rows, plan, Phase::partial, 1, device);
    partial.shader = shaderOf(desc.storage, DataType::f32);
    partial.bindings = {{0, Access::read}, {scratch, Access::write}, {0, Access::read}};
    kernel.dispatches.push_back(partial);
    if (writesElements(desc.kind)) {
        Dispatch apply = dispatchOf(desc, rows, plan, Phase::apply, 1, device);
        apply.shader = shaderOf(desc.storage, desc.storage);
        apply.bindings = {{0, Access::read}, {1, Access::write}, {scratch, Access::read}};
        kernel.dispatches.push_back(apply);
        return kernel;
    }
    // The statistics are rows of `segments`, in the order of the rows.
    Rows statistics = rows;
    statistics.sourceOffset = 0;
    statistics.sourceStride = 1;
    statistics.length = plan.segments;
    uint32_t stride = plan.segments;
    for (size_t i = statistics.axes.size(); i-- > 0; stride *= statistics.axes[i].size)
        statistics.axes[i].strides[0] = stride;
    Dispatch combine =
        dispatchOf(desc, statistics, planOf(statistics, desc.kind, true, device), Phase::whole, scale, device);
    combine.shader = shaderOf(DataType::f32, desc.storage);
    combine.bindings = {{scratch, Access::read}, {1, Access::write}, {scratch, Access::read}};
    kernel.dispatches.push_back(combine);
    return kernel;
}

} // namespace saccade
