#include "kernels/offset_network.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace saccade {
namespace {

constexpr uint8_t operandQueries = 0;
constexpr uint8_t operandWeights = 1;
constexpr uint8_t operandPositions = 2;

// As in shaders/offset_network.comp.
struct Push {
    uint32_t sizeZ, sizeY, sizeX;
    uint32_t gridY, gridX;
    uint32_t positionCount;
    uint32_t channels, groups;
    uint32_t paddingZ, paddingY, paddingX;
    std::array<float, 3> scale, divisor;
};

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
        throw Error(SAC_ERROR_INTERNAL, "offset network in %u dimensions, batch %u, %u groups of %u channels: out of range",
                    desc.dims, desc.batch, desc.groups, desc.channels);
    for (uint32_t axis = 0; axis < desc.dims; ++axis) {
        const uint64_t padded = uint64_t{desc.querySize[axis]} + 2 * uint64_t{desc.padding[axis]};
        if (!desc.querySize[axis] || !desc.stride[axis] || !desc.kernel[axis] || padded < desc.kernel[axis] ||
            desc.keySize[axis] != (padded - desc.kernel[axis]) / desc.stride[axis] + 1)
            throw Error(SAC_ERROR_INTERNAL, "offset network axis %u: kernel %u, stride %u and padding %u do not turn %u into "
                        "%u", axis, desc.kernel[axis], desc.stride[axis], desc.padding[axis], desc.querySize[axis],
                        desc.keySize[axis]);
    }
    if (desc.storage != DataType::f32 && desc.storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "offset network storage type %s is neither F32 nor F16",
                    dataTypeName(desc.storage));
    if (desc.sampler == SamplerGrid::listing && desc.dims != 1)
        throw Error(SAC_ERROR_INTERNAL, "offset network: sampling as in the listing in %u dimensions", desc.dims);
}

struct Tuning {
    uint32_t channelLanes, positionLanes;
};

// Threads along the channels read runs of memory; as many positions join as fill the workgroup.
Tuning tune(const OffsetNetworkDesc& desc, const Capabilities& capabilities) {
    const uint32_t quads = divideUp(desc.channels, 4);
    const uint32_t lanes = capabilities.isCpu ? 8 : 64;
    uint32_t channelLanes = 1;
    while (channelLanes < quads && channelLanes < lanes)
        channelLanes *= 2;
    return {channelLanes, lanes / channelLanes};
}

} // namespace

Kernel offsetNetwork(const OffsetNetworkDesc& desc, const Capabilities& capabilities) {
    check(desc);
    const std::array<uint32_t, 3> queries = threeAxes(desc, desc.querySize, 1), keys = threeAxes(desc, desc.keySize, 1),
                                  kernelSize = threeAxes(desc, desc.kernel, 1), stride = threeAxes(desc, desc.stride, 1),
                                  padding = threeAxes(desc, desc.padding, 0);
    const uint32_t positions = keys[0] * keys[1] * keys[2];
    const bool hasGrid = desc.sampler != SamplerGrid::positions;
    const Tuning tuning = tune(desc, capabilities);

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::offsetNetworkF16 : Shader::offsetNetwork;
    dispatch.constants = {tuning.channelLanes * tuning.positionLanes,
                          tuning.channelLanes,
                          tuning.positionLanes,
                          desc.dims,
                          desc.channels % 4 == 0,
                          static_cast<uint32_t>(desc.sampler),
                          desc.vgrid,
                          kernelSize[0],
                          kernelSize[1],
                          kernelSize[2],
                          stride[0],
                          stride[1],
                          stride[2]};
    dispatch.push.set(Push{queries[0], queries[1], queries[2], keys[1], keys[2], positions, desc.channels, desc.groups,
                           padding[0], padding[1], padding[2], desc.scale, desc.divisor});
    // The shader's interface names every binding: one that is not used gets a buffer that is there anyway.
    uint8_t operands = operandPositions + 1;
    const auto optional = [&](bool present) {
        return present ? OperandUse{operands++, Access::write} : OperandUse{operandQueries, Access::read};
    };
    dispatch.bindings = {
        {operandQueries, Access::read}, {operandWeights, Access::read}, {operandPositions, Access::write}};
    dispatch.bindings.push_back(optional(hasGrid));
    dispatch.bindings.push_back(optional(desc.vgrid));
    dispatch.groups = {divideUp(positions, tuning.positionLanes), 1, desc.batch * desc.groups};
    for (uint32_t i = 0; i < 3; ++i)
        if (dispatch.groups[i] > capabilities.maxGroupCount[i])
            throw Error(SAC_ERROR_UNSUPPORTED, "offset network of batch %u, %u groups, %u keys: %u workgroups along axis %u "
                        "exceed the device's %u", desc.batch, desc.groups, positions, dispatch.groups[i], i,
                        capabilities.maxGroupCount[i]);

    Kernel kernel;
    kernel.operandCount = operands;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 2 * (kernelTaps(desc) + desc.dims) * desc.channels * desc.batch * desc.groups * positions;
    return kernel;
}

uint64_t offsetWeightElements(uint64_t taps, uint64_t channels, uint64_t dims) {
    return (taps + 1 + dims) * paddedChannels(channels);
}

void packOffsetWeights(std::span<const float> depthwise, std::span<const float> bias, std::span<const float> projection,
                       std::span<float> packed) {
    const uint64_t channels = bias.size();
    if (!channels || depthwise.size() % channels || projection.size() % channels ||
        packed.size() != offsetWeightElements(depthwise.size() / channels, channels, projection.size() / channels))
        throw Error(SAC_ERROR_INTERNAL, "offset network weights of %zu, %zu and %zu elements packed into %zu: sizes do not "
                    "agree", depthwise.size(), bias.size(), projection.size(), packed.size());
    const uint64_t taps = depthwise.size() / channels, dims = projection.size() / channels;
    const uint64_t pitch = paddedChannels(channels);
    std::fill(packed.begin(), packed.end(), 0.0f);
    for (uint64_t c = 0; c < channels; ++c) {
        for (uint64_t tap = 0; tap < taps; ++tap)
            packed[tap * pitch + c] = depthwise[c * taps + tap];
        packed[taps * pitch + c] = bias[c];
        for (uint64_t d = 0; d < dims; ++d)
            packed[(taps + 1 + d) * pitch + c] = projection[d * channels + c];
    }
}

} // namespace saccade
