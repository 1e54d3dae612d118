// SPDX-License-Identifier: Apache-2.0
#include "kernels/deform_conv.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/copy.hpp"
#include "kernels/kernel.hpp"
#include "parameters/deform_conv.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

uint32_t taps(const DeformConvDesc& desc) { return desc.kernel[0] * desc.kernel[1]; }

// Output channels per thread / 4. Many, because each sample then serves more of them; fewer where the output has no
// more or where that would leave parts of a GPU idle. On a CPU driver 8 are no faster than 4 and compile twice as long.
uint32_t quadsPerThread(uint32_t quads, uint64_t workgroups, const DeviceProfile& device) {
    const uint64_t wanted = device.isCpu() ? 4 : 256;
    uint32_t chosen = device.isCpu() ? 4 : 8;
    while (chosen > 1 && (chosen / 2 >= quads || workgroups * divideUp(quads, chosen) < wanted))
        chosen /= 2;
    return chosen;
}

} // namespace

Kernel deformConv(const DeformConvDesc& desc, const DeviceProfile& device) {
    const uint32_t positions = desc.outSize[0] * desc.outSize[1];
    const uint32_t groupChannels = desc.channels / desc.groups, offsetChannels = desc.channels / desc.offsetGroups;
    const uint32_t segment = std::gcd(groupChannels, offsetChannels);
    const uint32_t columns = desc.outputs / desc.groups, pitch = divideUp(columns, 4);
    const MatrixLayout out = desc.out.resolved(positions, desc.outputs);
    const uint32_t blocks = divideUp(positions, lanes), planes = desc.batch * desc.groups;
    const uint32_t quads = quadsPerThread(pitch, uint64_t{blocks} * planes, device);

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::deformConvF16 : Shader::deformConv;
    dispatch.constants = {lanes,          segment % 4 == 0, quads,        desc.kernel[0],
                          desc.kernel[1], desc.bias,        desc.offsets, desc.mask};
    dispatch.parameters.set(
        DeformConvParameters{int32(desc.size[1]),
                             int32(desc.size[0]),
                             positions,
                             desc.outSize[1],
                             int32(desc.stride[1]),
                             int32(desc.stride[0]),
                             int32(desc.padding[1]),
                             int32(desc.padding[0]),
                             int32(desc.dilation[1]),
                             int32(desc.dilation[0]),
                             desc.channels,
                             desc.groups,
                             groupChannels,
                             desc.offsetGroups,
                             offsetChannels,
                             segment,
                             columns,
                             pitch,
                             static_cast<uint32_t>(gemmWeightElements(deformConvWeight(desc)) / desc.groups / 4),
                             out.batchStride,
                             out.channelMajor ? 1 : out.stride,
                             out.channelMajor ? out.stride : 1});
    // The shader's interface names every binding: one that is not used gets a buffer that is there anyway.
    const auto operand = [](bool there, uint8_t number) {
        return OperandUse{there ? number : uint8_t{0}, Access::read};
    };
    dispatch.bindings = {{0, Access::read},        {1, Access::read},     operand(desc.bias, 2),
                         operand(desc.offsets, 3), operand(desc.mask, 4), {5, Access::write}};
    dispatch.groups = {blocks, divideUp(pitch, quads), planes};

    Kernel kernel;
    kernel.operandCount = 6;
    kernel.dispatches.push_back(dispatch);
    // A multiply-add per output channel, and for each sample the four of its taps.
    const uint64_t samples = uint64_t{desc.batch} * positions * desc.channels * taps(desc);
    kernel.flops = 2 * samples * columns + (desc.offsets ? 8 * samples : 0);
    return kernel;
}

GemmDesc deformConvWeight(const DeformConvDesc& desc) {
    GemmDesc gemm;
    gemm.rows = 1;
    gemm.groups = desc.groups;
    gemm.columns = desc.outputs / desc.groups;
    gemm.depth = desc.channels / desc.groups * taps(desc);
    return gemm;
}

Kernel packDeformConv(const DeformConvDesc& desc, const DeviceProfile& device) {
    const GemmDesc gemm = deformConvWeight(desc);
    ConvertDesc transpose;
    transpose.toType = desc.storage;
    transpose.batch = gemm.groups;
    transpose.tokens = gemm.depth;
    transpose.channels = gemm.columns;
    transpose.from.channelMajor = true;
    transpose.to.stride = (gemm.columns + 3) / 4 * 4;
    transpose.to.batchStride = static_cast<uint32_t>(gemmWeightElements(gemm) / gemm.groups);
    Kernel kernel = convert(transpose, device);
    kernel.batched = false; // its "batch" is the weight's groups
    return kernel;
}

} // namespace saccade
