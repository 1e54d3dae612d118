#include "kernels/convert.hpp"

#include <utility>

#include "base/error.hpp"
#include "kernels/flat_grid.hpp"

namespace saccade {
namespace {

constexpr uint32_t tile = 32; // as in shaders/convert.comp

// As in shaders/convert.comp.
struct Push {
    uint32_t lines, length;
    uint32_t fromOffset, fromStride, fromBatchStride;
    uint32_t toOffset, toStride, toBatchStride;
};

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

Kernel convert(const ConvertDesc& desc, const DeviceProfile& profile) {
    check(desc);
    const MatrixLayout from = desc.from.resolved(desc.tokens, desc.channels);
    const MatrixLayout to = desc.to.resolved(desc.tokens, desc.channels);
    const bool transposed = from.channelMajor != to.channelMajor;
    Push push{desc.tokens,      desc.channels, from.offset, from.stride,
              from.batchStride, to.offset,     to.stride,   to.batchStride};
    if (from.channelMajor)
        std::swap(push.lines, push.length);
    // Lines that follow each other without a gap on both sides are one line.
    if (!transposed && push.fromStride == push.length && push.toStride == push.length) {
        push.length *= push.lines;
        push.lines = 1;
        push.fromStride = push.toStride = push.length;
    }
    const bool wholeVectors = push.length % 4 == 0 && (!transposed || push.lines % 4 == 0);
    const bool vectors = wholeVectors && aligned(from) && aligned(to);
    const bool staged = transposed && !profile.isCpu();
    const uint32_t lanes = profile.isCpu() ? 64 : 128;

    Dispatch dispatch;
    dispatch.shader = shaderOf(desc);
    dispatch.constants = {lanes, transposed, staged, vectors};
    dispatch.sharedBytes = staged ? 4 * tile * (tile + 1) : 4;
    dispatch.push.set(push);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    if (transposed) {
        dispatch.groups = {divideUp(push.length, tile), divideUp(push.lines, tile), desc.batch};
    } else {
        const uint64_t items = uint64_t{push.lines} * push.length / (vectors ? 4 : 1);
        dispatch.groups = flatGrid("convert", items, lanes, desc.batch, profile);
    }

    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
