// SPDX-License-Identifier: Apache-2.0
#include "kernels/offset_network.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "parameters/offset_network.h"

namespace saccade {
namespace {

constexpr uint8_t operandQueries = 0;
constexpr uint8_t operandWeights = 1;
constexpr uint8_t operandPositions = 2;

uint64_t kernelTaps(const OffsetNetworkDesc& desc) {
    uint64_t taps = 1;
    for (uint32_t axis = 0; axis < desc.dims; ++axis)
        taps *= desc.kernel[axis];
    return taps;
}

uint64_t paddedChannels(uint64_t channels) { return (channels + 3) / 4 * 4; }

// The spatial axes as (depth, height, width): leading ones where there are fewer.
std::array<uint32_t, 3> threeAxes(const OffsetNetworkDesc& desc, const std::array<uint32_t, 3>& values, uint32_t fill) {
    std::array<uint32_t, 3> out{fill, fill, fill};
    for (uint32_t axis = 0; axis < desc.dims; ++axis)
        out[3 - desc.dims + axis] = values[axis];
    return out;
}

void check(const OffsetNetworkDesc& desc) {
    if (desc.dims < 1 || desc.dims > 3 || !desc.batch || !desc.groups || !desc.channels)
        throw Error(SAC_ERROR_INTERNAL,
                    "offset network in %u dimensions, batch %u, %u groups of %u channels: out of range", desc.dims,
                    desc.batch, desc.groups, desc.channels);
    for (uint32_t axis = 0; axis < desc.dims; ++axis)
        if (!desc.size[axis] || !desc.stride[axis] || !desc.kernel[axis] ||
            desc.size[axis] + 2 * desc.padding[axis] < desc.kernel[axis])
            throw Error(SAC_ERROR_INTERNAL,
                        "offset network axis %u: kernel %u with stride %u and padding %u does not fit "
                        "into %u",
                        axis, desc.kernel[axis], desc.stride[axis], desc.padding[axis], desc.size[axis]);
    if (desc.storage != DataType::f32 && desc.storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "offset network storage type %s is neither F32 nor F16",
                    dataTypeName(desc.storage));
    if (desc.samplingGrid == SamplingGrid::column && desc.dims != 1)
        throw Error(SAC_ERROR_INTERNAL, "offset network: a column grid in %u dimensions", desc.dims);
}

struct Tuning {
    uint32_t channelLanes, positionLanes, positionsPerThread;
    uint32_t positionsPerGroup() const { return positionLanes * positionsPerThread; }
};

// Threads along the channels read runs of memory; as many positions join as fill the workgroup. Several positions per
// thread share the loads of weights, where enough threads remain.
Tuning tune(const OffsetNetworkDesc& desc, const DeviceProfile& profile) {
    constexpr uint64_t enoughThreads = 1 << 17;
    const uint32_t quads = divideUp(desc.channels, 4);
    const uint32_t lanes = profile.isCpu() ? 8 : 64;
    uint32_t channelLanes = 1;
    while (channelLanes < quads && channelLanes < lanes)
        channelLanes *= 2;
    const uint64_t threads = uint64_t{offsetPositions(desc)} * desc.batch * desc.groups * channelLanes;
    return {channelLanes, lanes / channelLanes, profile.isCpu() || threads / 4 >= enoughThreads ? 4u : 1u};
}

} // namespace

std::array<uint32_t, 3> offsetGridSize(const OffsetNetworkDesc& desc) {
    std::array<uint32_t, 3> out{1, 1, 1};
    for (uint32_t axis = 0; axis < desc.dims; ++axis) {
        const uint32_t padded = desc.size[axis] + 2 * desc.padding[axis];
        out[axis] = padded < desc.kernel[axis] ? 0 : (padded - desc.kernel[axis]) / desc.stride[axis] + 1;
    }
    return out;
}

uint32_t offsetPositions(const OffsetNetworkDesc& desc) {
    const std::array<uint32_t, 3> size = offsetGridSize(desc);
    return size[0] * size[1] * size[2];
}

std::array<float, 3> positionDivisors(uint32_t dims, const std::array<uint32_t, 3>& size, bool xyz) {
    std::array<float, 3> out{1, 1, 1};
    for (uint32_t channel = 0; channel < dims; ++channel) {
        const uint32_t axis = dims == 2 && xyz ? 1 - channel : channel;
        out[channel] = static_cast<float>(std::max(size[axis], 2u) - 1);
    }
    return out;
}

Kernel offsetNetwork(const OffsetNetworkDesc& desc, const DeviceProfile& profile) {
    check(desc);
    const uint32_t positions = offsetPositions(desc);
    const std::array<uint32_t, 3> size = threeAxes(desc, desc.size, 1), grid = threeAxes(desc, offsetGridSize(desc), 1),
                                  kernelSize = threeAxes(desc, desc.kernel, 1),
                                  stride = threeAxes(desc, desc.stride, 1), padding = threeAxes(desc, desc.padding, 0);
    const bool hasGrid = desc.samplingGrid != SamplingGrid::none;
    const Tuning tuning = tune(desc, profile);

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::offsetNetworkF16 : Shader::offsetNetwork;
    dispatch.constants = {tuning.channelLanes * tuning.positionLanes,
                          tuning.channelLanes,
                          tuning.positionLanes,
                          desc.dims,
                          desc.channels % 4 == 0,
                          static_cast<uint32_t>(desc.samplingGrid),
                          desc.vgrid,
                          kernelSize[0],
                          kernelSize[1],
                          kernelSize[2],
                          stride[0],
                          stride[1],
                          stride[2],
                          tuning.positionsPerThread};
    dispatch.sharedBytes = 4 * tuning.channelLanes * tuning.positionLanes * tuning.positionsPerThread * desc.dims;
    dispatch.parameters.set(OffsetNetworkParameters{size[0], size[1], size[2], grid[1], grid[2], positions,
                                                    desc.channels, desc.groups, int32(padding[0]), int32(padding[1]),
                                                    int32(padding[2]), desc.scale[0], desc.scale[1], desc.scale[2],
                                                    desc.divisor[0], desc.divisor[1], desc.divisor[2]});
    // The shader declares every binding. An unused one is bound to the positions and counts as written like them.
    uint8_t operands = operandPositions + 1;
    const auto optional = [&](bool present) {
        return present ? OperandUse{operands++, Access::write} : OperandUse{operandPositions, Access::write};
    };
    dispatch.bindings = {
        {operandQueries, Access::read}, {operandWeights, Access::read}, {operandPositions, Access::write}};
    dispatch.bindings.push_back(optional(hasGrid));
    dispatch.bindings.push_back(optional(desc.vgrid));
    dispatch.groups = {divideUp(positions, tuning.positionsPerGroup()), 1, desc.batch * desc.groups};

    Kernel kernel;
    kernel.operandCount = operands;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 2 * (kernelTaps(desc) + desc.dims) * desc.channels * desc.batch * desc.groups * positions;
    return kernel;
}

uint64_t offsetNetworkWeightElements(const OffsetNetworkDesc& desc) {
    return (kernelTaps(desc) + 1 + desc.dims) * paddedChannels(desc.channels);
}

void packOffsetNetwork(const OffsetNetworkDesc& desc, std::span<const float> depthwise, std::span<const float> bias,
                       std::span<const float> pointwise, std::span<float> packed) {
    const auto taps = static_cast<size_t>(kernelTaps(desc)), channels = static_cast<size_t>(desc.channels);
    const auto pitch = static_cast<size_t>(paddedChannels(channels));
    if (depthwise.size() != channels * taps || bias.size() != channels || pointwise.size() != channels * desc.dims ||
        packed.size() != offsetNetworkWeightElements(desc))
        throw Error(SAC_ERROR_INTERNAL,
                    "offset network weights of %zu, %zu and %zu elements packed into %zu: expected %u "
                    "channels, %llu taps, %u outputs",
                    depthwise.size(), bias.size(), pointwise.size(), packed.size(), desc.channels, wide(taps),
                    desc.dims);
    std::fill(packed.begin(), packed.end(), 0.0f);
    for (size_t c = 0; c < channels; ++c) {
        for (size_t tap = 0; tap < taps; ++tap)
            packed[tap * pitch + c] = depthwise[c * taps + tap];
        packed[taps * pitch + c] = bias[c];
        for (size_t d = 0; d < desc.dims; ++d)
            packed[(taps + 1 + d) * pitch + c] = pointwise[d * channels + c];
    }
}

} // namespace saccade
