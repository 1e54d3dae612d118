// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "parameters/interpolate2d.h"
#include "parameters/pad.h"
#include "parameters/pool2d.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

void checkStorage(const char* kernel, DataType storage) {
    if (storage != DataType::f32 && storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "%s of %s: neither F32 nor F16", kernel, dataTypeName(storage));
}

template <class Desc>
void checkMap(const char* kernel, const Desc& desc) {
    checkStorage(kernel, desc.storage);
    const auto [sourceRows, sourceColumns] = desc.sourceSize;
    const auto [resultRows, resultColumns] = desc.resultSize;
    if (!desc.batch || !desc.channels || !sourceRows || !sourceColumns || !resultRows || !resultColumns)
        throw Error(SAC_ERROR_INTERNAL, "%s of batch %u, %u channels, %ux%u into %ux%u: a size is 0", kernel,
                    desc.batch, desc.channels, sourceRows, sourceColumns, resultRows, resultColumns);
}

// Source pixels a result pixel along one axis, as PyTorch's area_pixel_compute_scale and nearest_idx have it.
float step(const Interpolate2dDesc& desc, size_t axis) {
    const uint32_t in = desc.sourceSize[axis], out = desc.resultSize[axis];
    if (desc.bilinear && desc.alignCorners)
        return out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0.0f;
    if (!desc.bilinear && out == in)
        return 1;
    if (!desc.bilinear && out == 2 * in)
        return 0.5f;
    return desc.scaleFactor[axis] > 0 ? static_cast<float>(1 / desc.scaleFactor[axis])
                                      : static_cast<float>(in) / static_cast<float>(out);
}

} // namespace

Kernel pool2dKernel(const Pool2dDesc& desc, const DeviceProfile& device) {
    checkMap("pooling", desc);
    for (size_t axis = 0; axis < 2; ++axis) {
        const uint64_t last = uint64_t{desc.resultSize[axis] - 1} * desc.stride[axis];
        if (!desc.kernel[axis] || 2 * desc.padding[axis] > desc.kernel[axis] ||
            last >= uint64_t{desc.sourceSize[axis]} + desc.padding[axis])
            throw Error(SAC_ERROR_INTERNAL,
                        "pooling of %u with kernel %u, stride %u and padding %u into %u: a window is outside",
                        desc.sourceSize[axis], desc.kernel[axis], desc.stride[axis], desc.padding[axis],
                        desc.resultSize[axis]);
    }
    Pool2dParameters p{};
    Dispatch dispatch;
    const MapWalk pieces = walkMap("pooling", 1, desc, desc.sourceSize, desc.resultSize, p, dispatch, device);
    p.kernelRows = int32(desc.kernel[0]);
    p.kernelColumns = int32(desc.kernel[1]);
    p.strideRows = int32(desc.stride[0]);
    p.strideColumns = int32(desc.stride[1]);
    p.paddingRows = int32(desc.padding[0]);
    p.paddingColumns = int32(desc.padding[1]);
    dispatch.shader = desc.storage == DataType::f16 ? Shader::pool2dF16 : Shader::pool2d;
    dispatch.constants = {mapLanes, pieces.vectors, pieces.chunk, desc.kind == PoolKind::average, desc.countIncludePad};
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = uint64_t{p.items} * desc.batch * pieces.chunk * desc.kernel[0] * desc.kernel[1];
    return kernel;
}

Kernel interpolate2dKernel(const Interpolate2dDesc& desc, const DeviceProfile& device) {
    checkMap("interpolation", desc);
    if (std::max({desc.sourceSize[0], desc.sourceSize[1], desc.resultSize[0], desc.resultSize[1]}) >= 1u << 24)
        throw Error(SAC_ERROR_UNSUPPORTED, "an axis of 2^24 elements or more is interpolated: positions are float32");
    Interpolate2dParameters p{};
    Dispatch dispatch;
    const MapWalk pieces = walkMap("interpolation", 1, desc, desc.sourceSize, desc.resultSize, p, dispatch, device);
    p.stepRows = step(desc, 0);
    p.stepColumns = step(desc, 1);
    dispatch.shader = desc.storage == DataType::f16 ? Shader::interpolate2dF16 : Shader::interpolate2d;
    dispatch.constants = {mapLanes, pieces.vectors, pieces.chunk, desc.bilinear, desc.alignCorners};
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = uint64_t{p.items} * desc.batch * pieces.chunk * (desc.bilinear ? 9 : 0);
    return kernel;
}

Kernel padKernel(const PadDesc& desc, const DeviceProfile& device) {
    checkStorage("padding", desc.storage);
    // Padded axes stay apart, which a third view sees to: no multiple of one of its strides is another.
    StridedView marks;
    constexpr uint32_t firstMark = maxAxes + 1;
    for (uint32_t axis = 0; axis < maxAxes; ++axis) {
        const uint32_t source = desc.sourceSize[axis], before = desc.before[axis], result = desc.resultSize[axis];
        if (!source || uint64_t{before} + source > result)
            throw Error(SAC_ERROR_INTERNAL, "padding of axis %u from %u elements with %u before to %u", axis, source,
                        before, result);
        const uint32_t longest = std::max(before, result - before - source);
        if ((desc.mode == PadMode::reflect && longest >= source) ||
            (desc.mode == PadMode::circular && longest > source))
            throw Error(SAC_ERROR_INTERNAL, "padding of axis %u by %u elements: it has %u", axis, longest, source);
        if (result != source)
            marks.strides[axis] = firstMark + axis;
    }
    FixedVector<Axis, maxAxes> axes =
        collapsedAxes("padding", desc.resultSize, std::array{desc.source, marks, desc.result});
    const auto isPadded = [](const Axis& axis) { return axis.strides[1] != 0; };

    Axis& last = axes.back();
    uint32_t places = desc.source.offset | desc.result.offset;
    for (size_t i = 0; i + 1 < axes.size(); ++i)
        places |= axes[i].strides[0] | axes[i].strides[2];
    const bool vectors =
        !isPadded(last) && last.size % 4 == 0 && last.strides[0] == 1 && last.strides[2] == 1 && places % 4 == 0;
    if (vectors) {
        last.size /= 4;
        last.strides[0] = last.strides[2] = 4;
    }
    PadParameters p{};
    p.items = 1;
    for (size_t i = 0; i < axes.size(); ++i) {
        const Axis& axis = axes[i];
        p.sizes[i] = divisor(axis.size);
        p.places[i] = {axis.strides[0], axis.strides[2], 0, axis.size};
        if (isPadded(axis)) {
            p.places[i].z = desc.before[axis.strides[1] - firstMark];
            p.places[i].w = desc.sourceSize[axis.strides[1] - firstMark];
        }
        p.items *= axis.size;
    }
    p.sourceOffset = desc.source.offset;
    p.resultOffset = desc.result.offset;
    p.value = desc.value;

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::padF16 : Shader::pad;
    dispatch.constants = {lanes, static_cast<uint32_t>(axes.size()), vectors, static_cast<uint32_t>(desc.mode)};
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    dispatch.groups = flatGrid("padding", p.items, lanes, 1, device);
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    kernel.batched = false;
    return kernel;
}

} // namespace saccade
