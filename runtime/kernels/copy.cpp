// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy.hpp"

#include <utility>

#include "base/error.hpp"
#include "kernels/kernel.hpp"
#include "parameters/convert.h"
#include "parameters/copy.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

Shader shaderOf(const CopyDesc& desc) {
    if (desc.fromType == DataType::f16)
        return desc.toType == DataType::f16 ? Shader::copyF16 : Shader::copyF16ToF32;
    return desc.toType == DataType::f16 ? Shader::copyF32ToF16 : Shader::copy;
}

constexpr uint32_t tile = 32; // as in shaders/convert.comp

bool isSupported(DataType type) { return type == DataType::f32 || type == DataType::f16; }

void check(const ConvertDesc& desc) {
    if (!desc.batch || !desc.tokens || !desc.channels)
        throw Error(SAC_ERROR_INTERNAL, "convert of batch %u, %u tokens, %u channels: a size is 0", desc.batch,
                    desc.tokens, desc.channels);
    if (!isSupported(desc.fromType) || !isSupported(desc.toType))
        throw Error(SAC_ERROR_INTERNAL, "convert from %s to %s: not F32 or F16", dataTypeName(desc.fromType),
                    dataTypeName(desc.toType));
}

Shader shaderOf(const ConvertDesc& desc) {
    if (desc.fromType == DataType::f16)
        return desc.toType == DataType::f16 ? Shader::convertF16 : Shader::convertF16ToF32;
    return desc.toType == DataType::f16 ? Shader::convertF32ToF16 : Shader::convert;
}

bool aligned(const MatrixLayout& layout) { return (layout.offset | layout.stride | layout.batchStride) % 4 == 0; }

} // namespace

Kernel copyKernel(const CopyDesc& desc, const DeviceProfile& device) {
    const CopyView &from = desc.from, &to = desc.to;
    Dispatch dispatch;
    dispatch.shader = shaderOf(desc);
    dispatch.constants = {lanes, desc.shifted};
    dispatch.parameters.set(CopyParameters{desc.heads, desc.tokens, desc.channels, desc.toTokens, from.offset,
                                           from.batchStride, from.headStride, from.tokenStride, from.channelStride,
                                           to.offset, to.batchStride, to.headStride, to.tokenStride, to.channelStride});
    dispatch.bindings = {{0, Access::read}, {1, Access::write}, {desc.shifted ? uint8_t(2) : uint8_t(0), Access::read}};
    dispatch.groups = flatGrid("copy", uint64_t{desc.heads} * desc.tokens * desc.channels, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = desc.shifted ? 3 : 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

Kernel convert(const ConvertDesc& desc, const DeviceProfile& profile) {
    check(desc);
    const MatrixLayout from = desc.from.resolved(desc.tokens, desc.channels);
    const MatrixLayout to = desc.to.resolved(desc.tokens, desc.channels);
    const bool transposed = from.channelMajor != to.channelMajor;
    ConvertParameters p{desc.tokens,      desc.channels, from.offset, from.stride,
                        from.batchStride, to.offset,     to.stride,   to.batchStride};
    if (from.channelMajor)
        std::swap(p.lines, p.length);
    // Lines that follow each other without a gap on both sides are one line.
    if (!transposed && p.fromStride == p.length && p.toStride == p.length) {
        p.length *= p.lines;
        p.lines = 1;
        p.fromStride = p.toStride = p.length;
    }
    const bool wholeVectors = p.length % 4 == 0 && (!transposed || p.lines % 4 == 0);
    const bool vectors = wholeVectors && aligned(from) && aligned(to);
    const bool staged = transposed && !profile.isCpu();
    const uint32_t threads = profile.isCpu() ? 64 : 128;

    Dispatch dispatch;
    dispatch.shader = shaderOf(desc);
    dispatch.constants = {threads, transposed, staged, vectors};
    dispatch.sharedBytes = staged ? 4 * tile * (tile + 1) : 4;
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    if (transposed) {
        dispatch.groups = {divideUp(p.length, tile), divideUp(p.lines, tile), desc.batch};
    } else {
        const uint64_t items = uint64_t{p.lines} * p.length / (vectors ? 4 : 1);
        dispatch.groups = flatGrid("convert", items, threads, desc.batch, profile);
    }

    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
