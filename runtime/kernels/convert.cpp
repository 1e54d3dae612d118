#include "kernels/convert.hpp"

#include <utility>

#include "base/error.hpp"

namespace saccade {
namespace {

constexpr uint32_t tile = 32; // as in shaders/convert.comp

// As in shaders/convert.comp.
struct Push {
    uint32_t lines, length;
    uint32_t sourceOffset, sourceStride, sourceBatchStride;
    uint32_t resultOffset, resultStride, resultBatchStride;
};

bool isSupported(DataType type) { return type == DataType::f32 || type == DataType::f16; }

void check(const ConvertDesc& desc) {
    if (!desc.batch || !desc.tokens || !desc.channels)
        throw Error(SAC_ERROR_INTERNAL, "convert of batch %u, %u tokens, %u channels: a size is 0", desc.batch, desc.tokens,
                    desc.channels);
    if (!isSupported(desc.sourceType) || !isSupported(desc.resultType))
        throw Error(SAC_ERROR_INTERNAL, "convert from %s to %s: not F32 or F16", dataTypeName(desc.sourceType),
                    dataTypeName(desc.resultType));
}

Shader shaderOf(const ConvertDesc& desc) {
    if (desc.sourceType == DataType::f16)
        return desc.resultType == DataType::f16 ? Shader::convertF16ToF16 : Shader::convertF16ToF32;
    return desc.resultType == DataType::f16 ? Shader::convertF32ToF16 : Shader::convertF32ToF32;
}

bool aligned(const MatrixLayout& layout) { return (layout.offset | layout.stride | layout.batchStride) % 4 == 0; }

} // namespace

Kernel convert(const ConvertDesc& desc, const Capabilities& capabilities) {
    check(desc);
    const MatrixLayout source = desc.source.resolved(desc.tokens, desc.channels);
    const MatrixLayout result = desc.result.resolved(desc.tokens, desc.channels);
    const bool transposed = source.channelMajor != result.channelMajor;
    Push push{desc.tokens,        desc.channels, source.offset, source.stride,
              source.batchStride, result.offset, result.stride, result.batchStride};
    if (source.channelMajor)
        std::swap(push.lines, push.length);
    // Lines that follow each other without a gap on both sides are one line.
    if (!transposed && push.sourceStride == push.length && push.resultStride == push.length) {
        push.length *= push.lines;
        push.lines = 1;
        push.sourceStride = push.resultStride = push.length;
    }
    const bool wholeVectors = push.length % 4 == 0 && (!transposed || push.lines % 4 == 0);
    const bool vectors = wholeVectors && aligned(source) && aligned(result);
    const bool staged = transposed && !capabilities.isCpu;
    const uint32_t lanes = capabilities.isCpu ? 64 : 128;

    Dispatch dispatch;
    dispatch.shader = shaderOf(desc);
    dispatch.constants = {lanes, transposed, staged, vectors};
    dispatch.push.set(push);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    if (transposed) {
        dispatch.groups = {divideUp(push.length, tile), divideUp(push.lines, tile), desc.batch};
    } else {
        const uint64_t items = uint64_t{push.lines} * push.length / (vectors ? 4 : 1);
        dispatch.groups = splitGroups(divideUp(items, lanes), desc.batch);
    }
    for (uint32_t i = 0; i < 3; ++i)
        if (dispatch.groups[i] > capabilities.maxGroupCount[i])
            throw Error(SAC_ERROR_UNSUPPORTED, "convert of batch %u, %u tokens, %u channels: %u workgroups along axis %u "
                        "exceed the device's %u", desc.batch, desc.tokens, desc.channels, dispatch.groups[i], i,
                        capabilities.maxGroupCount[i]);

    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
