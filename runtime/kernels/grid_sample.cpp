#include "kernels/grid_sample.hpp"

#include "base/error.hpp"

namespace saccade {
namespace {

// As in shaders/grid_sample.comp.
struct Push {
    uint32_t points, width, groupWidth, groups;
    uint32_t sizeX, sizeY, sizeZ;
    uint32_t sourceOffset, sourceStride, sourceBatchStride;
    uint32_t resultOffset, resultStride, resultBatchStride;
};

uint32_t pixels(const GridSampleDesc& desc) { return desc.size[0] * desc.size[1] * desc.size[2]; }

void check(const GridSampleDesc& desc) {
    if (desc.dims < 1 || desc.dims > 3 || (desc.mode == SampleMode::bicubic && desc.dims != 2))
        throw Error(SAC_ERROR_INTERNAL, "grid_sample in %u dimensions, mode %u: there is no such mode", desc.dims,
                    static_cast<uint32_t>(desc.mode));
    if (!desc.batch || !desc.points || !desc.channels || !desc.groups || desc.channels % desc.groups)
        throw Error(SAC_ERROR_INTERNAL, "grid_sample of batch %u, %u points, %u channels in %u groups: a size is 0 or "
                    "channels are not divisible", desc.batch, desc.points, desc.channels, desc.groups);
    for (uint32_t axis = 0; axis < 3; ++axis)
        if (desc.size[axis] < 1 || desc.size[axis] >= 1u << 24 || (axis >= desc.dims && desc.size[axis] != 1))
            throw Error(SAC_ERROR_INTERNAL, "grid_sample size[%u] is %u, not in 1..2^24-1 or beyond the %u dimensions", axis,
                        desc.size[axis], desc.dims);
    if (desc.storage != DataType::f32 && desc.storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "grid_sample storage type %s is neither F32 nor F16", dataTypeName(desc.storage));
    if (desc.source.channelMajor || desc.result.channelMajor)
        throw Error(SAC_ERROR_INTERNAL, "grid_sample of a channel-major layout: it reads and writes tokens");
}

bool aligned(const MatrixLayout& layout) { return (layout.offset | layout.stride | layout.batchStride) % 4 == 0; }

// Operations per element of the output: a weight's product per axis and a multiply-add for each tap.
uint64_t flopsPerElement(const GridSampleDesc& desc) {
    const uint64_t taps = desc.mode == SampleMode::nearest ? 1 : desc.mode == SampleMode::bilinear ? 2 : 4;
    uint64_t all = 1;
    for (uint32_t axis = 0; axis < desc.dims; ++axis)
        all *= taps;
    return 2 * all;
}

} // namespace

Kernel gridSample(const GridSampleDesc& desc, const Capabilities& capabilities) {
    check(desc);
    const MatrixLayout input = desc.source.resolved(pixels(desc), desc.channels);
    const MatrixLayout output = desc.result.resolved(desc.points, desc.channels);
    const bool vectors = desc.channels / desc.groups % 4 == 0 && aligned(source) && aligned(result);
    const uint32_t width = vectors ? desc.channels / 4 : desc.channels;
    const uint32_t lanes = 64;

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::gridSampleF16 : Shader::gridSample;
    dispatch.constants = {lanes,
                          desc.dims,
                          static_cast<uint32_t>(desc.mode),
                          static_cast<uint32_t>(desc.padding),
                          desc.alignCorners,
                          vectors};
    dispatch.push.set(Push{desc.points, width, width / desc.groups, desc.groups,
                           desc.size[0], desc.size[1], desc.size[2],
                           source.offset, source.stride, source.batchStride,
                           result.offset, result.stride, result.batchStride});
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::write}};
    dispatch.groups = splitGroups(divideUp(uint64_t{desc.points} * width, lanes), desc.batch);
    for (uint32_t i = 0; i < 3; ++i)
        if (dispatch.groups[i] > capabilities.maxGroupCount[i])
            throw Error(SAC_ERROR_UNSUPPORTED, "grid_sample of batch %u, %u points, %u channels: %u workgroups along axis %u "
                        "exceed the device's %u", desc.batch, desc.points, desc.channels, dispatch.groups[i], i,
                        capabilities.maxGroupCount[i]);

    Kernel kernel;
    kernel.operandCount = 3;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = flopsPerElement(desc) * desc.batch * desc.points * desc.channels;
    return kernel;
}

} // namespace saccade
