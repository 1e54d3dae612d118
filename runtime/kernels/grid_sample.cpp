#include "kernels/grid_sample.hpp"

#include "base/error.hpp"
#include "kernels/flat_grid.hpp"
#include "parameters/grid_sample.h"

namespace saccade {
namespace {

uint32_t pixels(const GridSampleDesc& desc) { return desc.size[0] * desc.size[1] * desc.size[2]; }

void check(const GridSampleDesc& desc) {
    if (desc.dims < 1 || desc.dims > 3 || (desc.mode == SampleMode::bicubic && desc.dims != 2))
        throw Error(SAC_ERROR_INTERNAL, "grid_sample in %u dimensions, mode %u: there is no such mode", desc.dims,
                    static_cast<uint32_t>(desc.mode));
    if (!desc.batch || !desc.points || !desc.channels || !desc.groups || desc.channels % desc.groups)
        throw Error(SAC_ERROR_INTERNAL,
                    "grid_sample of batch %u, %u points, %u channels in %u groups: a size is 0 or "
                    "channels are not divisible",
                    desc.batch, desc.points, desc.channels, desc.groups);
    for (uint32_t axis = 0; axis < 3; ++axis) {
        if (desc.size[axis] < 1 || (axis >= desc.dims && desc.size[axis] != 1))
            throw Error(SAC_ERROR_INTERNAL, "grid_sample size[%u] is %u: 0, or beyond the %u dimensions", axis,
                        desc.size[axis], desc.dims);
        if (desc.size[axis] >= 1u << 24)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "an axis of %u elements is sampled, at most 2^24 - 1: positions are float32", desc.size[axis]);
    }
    if (desc.storage != DataType::f32 && desc.storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "grid_sample storage type %s is neither F32 nor F16",
                    dataTypeName(desc.storage));
    if (desc.input.channelMajor || desc.output.channelMajor)
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

Kernel gridSample(const GridSampleDesc& desc, const DeviceProfile& profile) {
    check(desc);
    const MatrixLayout input = desc.input.resolved(pixels(desc), desc.channels);
    const MatrixLayout output = desc.output.resolved(desc.points, desc.channels);
    const bool vectors = desc.channels / desc.groups % 4 == 0 && aligned(input) && aligned(output);
    const uint32_t width = vectors ? desc.channels / 4 : desc.channels;
    const uint32_t lanes = 64;

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::gridSampleF16 : Shader::gridSample;
    dispatch.constants = {
        lanes,  desc.dims, static_cast<uint32_t>(desc.mode), static_cast<uint32_t>(desc.padding), desc.alignCorners,
        vectors};
    // The grid's first coordinate is x, which runs along the last spatial axis.
    const auto extent = [&](uint32_t fromLast) {
        return fromLast < desc.dims ? desc.size[desc.dims - 1 - fromLast] : 1;
    };
    dispatch.parameters.set(GridSampleParameters{desc.points, width, width / desc.groups, desc.groups, int32(extent(0)),
                                                 int32(extent(1)), int32(extent(2)), input.offset, input.stride,
                                                 input.batchStride, output.offset, output.stride, output.batchStride});
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::write}};
    dispatch.groups = flatGrid("grid_sample", uint64_t{desc.points} * width, lanes, desc.batch, profile);

    Kernel kernel;
    kernel.operandCount = 3;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = flopsPerElement(desc) * desc.batch * desc.points * desc.channels;
    return kernel;
}

} // namespace saccade
