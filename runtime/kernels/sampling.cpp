// SPDX-License-Identifier: Apache-2.0
#include "kernels/sampling.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kernels/kernel.hpp"
#include "parameters/displaced_grid.h"
#include "parameters/grid_sample.h"
#include "parameters/ms_deform.h"
#include "parameters/zero_rows.h"

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

constexpr uint32_t lanes = 64;

// So many that finding the taps costs little beside reading them, so few that their planes stay in a CPU's cache and
// that a GPU has threads enough.
constexpr uint32_t planesPerThread = 16;

uint32_t greatestDivisor(uint32_t number, uint32_t most) {
    uint32_t divisor = std::min(number, most);
    while (number % divisor)
        --divisor;
    return divisor;
}

static_assert(sizeof(MsDeformParameters::sizes) == 4 * maxSampledLevels);

constexpr uint8_t operandValue = 0, operandResult = 4, operandLocations = 5, operandPadding = 6;

// Vectors of channels per thread. What a thread does besides reading values, the softmax and the places, is the same
// for all threads of a head, so each takes two where it can; more leaves fewer threads and gains a CPU driver nothing.
uint32_t chunksPerThread(uint32_t width) { return width % 2 ? 1 : 2; }

} // namespace

Kernel gridSample(const GridSampleDesc& desc, const DeviceProfile& profile) {
    check(desc);
    const MatrixLayout input = desc.input.resolved(pixels(desc), desc.channels);
    const MatrixLayout output = desc.output.resolved(desc.points, desc.channels);
    const bool planes = input.channelMajor || output.channelMajor;
    const uint32_t groupChannels = desc.channels / desc.groups;
    const bool vectors = !planes && groupChannels % 4 == 0 && aligned(input) && aligned(output);
    const uint32_t width = vectors ? desc.channels / 4 : desc.channels;

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::gridSampleF16 : Shader::gridSample;
    dispatch.constants = {
        lanes,   desc.dims, static_cast<uint32_t>(desc.mode), static_cast<uint32_t>(desc.padding), desc.alignCorners,
        vectors, planes};
    // The grid's first coordinate is x, which runs along the last spatial axis.
    const auto extent = [&](uint32_t fromLast) {
        return fromLast < desc.dims ? desc.size[desc.dims - 1 - fromLast] : 1;
    };
    const uint32_t perThread = planes ? greatestDivisor(groupChannels, planesPerThread) : 1;
    const auto token = [](const MatrixLayout& layout) { return layout.channelMajor ? 1 : layout.stride; };
    const auto channel = [](const MatrixLayout& layout) { return layout.channelMajor ? layout.stride : 1; };
    dispatch.parameters.set(GridSampleParameters{desc.points, width, width / desc.groups, desc.groups, int32(extent(0)),
                                                 int32(extent(1)), int32(extent(2)), input.offset, token(input),
                                                 input.batchStride, output.offset, token(output), output.batchStride,
                                                 channel(input), channel(output), perThread});
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::write}};
    dispatch.groups = flatGrid("grid_sample", uint64_t{desc.points} * (width / perThread), lanes, desc.batch, profile);

    Kernel kernel;
    kernel.operandCount = 3;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = flopsPerElement(desc) * desc.batch * desc.points * desc.channels;
    return kernel;
}

Kernel displacedGrid(const DisplacedGridDesc& desc, const DeviceProfile& device) {
    const uint64_t places = uint64_t{desc.heads} * desc.height * desc.width;
    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::displacedGridF16 : Shader::displacedGrid;
    dispatch.constants = {lanes, desc.swapped};
    dispatch.parameters.set(DisplacedGridParameters{desc.heads, desc.width, desc.height});
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    dispatch.groups = flatGrid("displaced grid", places, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 8 * desc.batch * places;
    return kernel;
}

Kernel msDeform(const MSDeformDesc& desc, const DeviceProfile& device) {
    const bool half = desc.storage == DataType::f16;
    const bool vectors = desc.headDim % 4 == 0;
    const uint32_t width = vectors ? desc.headDim / 4 : desc.headDim;
    const uint32_t levels = static_cast<uint32_t>(desc.levels.size());
    MsDeformParameters p{};
    p.queries = desc.queries;
    p.heads = desc.heads;
    p.width = width;
    for (uint32_t level = 0; level < levels; ++level) {
        const auto [h, w] = desc.levels[level];
        (&p.sizes[level / 4].x)[level % 4] = w | h << 16;
        p.tokens += h * w;
    }

    Kernel kernel;
    kernel.operandCount = 7;
    if (desc.padded) {
        Dispatch zero;
        zero.shader = half ? Shader::zeroRowsF16 : Shader::zeroRows;
        zero.constants = {lanes, vectors};
        zero.parameters.set(ZeroRowsParameters{p.tokens, desc.heads * width});
        // Rows that are not padded keep what they hold.
        zero.bindings = {{operandPadding, Access::read}, {operandValue, Access::readWrite}};
        zero.groups =
            flatGrid("multi-scale sampling", uint64_t{p.tokens} * desc.heads * width, lanes, desc.batch, device);
        kernel.dispatches.push_back(zero);
    }

    const uint32_t chunks = chunksPerThread(width);
    Dispatch sample;
    sample.shader = half ? Shader::msDeformF16 : Shader::msDeform;
    sample.constants = {lanes, vectors, chunks, levels, desc.points, desc.boxes, desc.locations};
    sample.parameters.set(p);
    // The shader's interface names every binding: one that is not used gets a buffer that is there anyway.
    sample.bindings = {{operandValue, Access::read},
                       {1, Access::read},
                       {2, Access::read},
                       {3, Access::read},
                       {operandResult, Access::write},
                       {desc.locations ? operandLocations : operandResult, Access::write}};
    sample.groups = flatGrid("multi-scale sampling", uint64_t{desc.queries} * desc.heads * (width / chunks), lanes,
                             desc.batch, device);
    kernel.dispatches.push_back(sample);
    // A multiply-add for each tap of each channel.
    kernel.flops = 8ull * desc.batch * desc.queries * desc.heads * desc.headDim * levels * desc.points;
    return kernel;
}

} // namespace saccade
