// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kernels/gemm.hpp"
#include "kernels/gemm_tuning.hpp"
#include "parameters/conv.h"

namespace saccade {
namespace {

constexpr ConvDesc::Axes ones{1, 1, 1}, none{0, 0, 0};

uint32_t product(const ConvDesc::Axes& axes) { return axes[0] * axes[1] * axes[2]; }

uvec4 reversed(const ConvDesc::Axes& axes) { return {axes[2], axes[1], axes[0], 0}; }

bool isDepthwise(const ConvDesc& desc) {
    return desc.groups > 1 && desc.groups == desc.channels && desc.groups == desc.outputs && !desc.transposed;
}

// A matrix product over the channels of each pixel.
bool isPointwise(const ConvDesc& desc) {
    return product(desc.kernel) == 1 && desc.stride == ones && desc.padding == none && desc.pixelShuffle == 1 &&
           !desc.transposed && desc.size == desc.outSize && desc.groups == 1;
}

void check(const ConvDesc& desc) {
    const auto isZero = [](const ConvDesc::Axes& axes) { return product(axes) == 0; };
    if (!desc.batch || !desc.channels || !desc.outputs || !desc.groups || isZero(desc.size) || isZero(desc.outSize) ||
        isZero(desc.kernel) || isZero(desc.stride) || desc.channels % desc.groups || desc.outputs % desc.groups)
        throw Error(SAC_ERROR_INTERNAL,
                    "convolution of %u to %u channels in %u groups: a size is 0, or none of a group", desc.channels,
                    desc.outputs, desc.groups);
    if (desc.input.channelMajor || (desc.transposed && desc.paddingMode != PaddingMode::zeros) ||
        (desc.pixelShuffle > 1 && (desc.transposed || desc.groups > 1 || desc.outSize[0] > 1)))
        throw Error(SAC_ERROR_INTERNAL, "convolution of a form that there is not");
}

uint32_t boundary(const ConvDesc& desc) {
    return desc.transposed ? 3 : static_cast<uint32_t>(desc.paddingMode); // as conv_place.glsl has it
}

struct Layouts {
    MatrixLayout input, out, residual;
};

Layouts resolve(const ConvDesc& desc) {
    const uint32_t r = desc.pixelShuffle * desc.pixelShuffle;
    const uint32_t pixels = product(desc.outSize) * r, channels = desc.outputs / r;
    MatrixLayout residual = desc.residual;
    residual.channelMajor = desc.out.channelMajor;
    return {desc.input.resolved(product(desc.size), desc.channels), desc.out.resolved(pixels, channels),
            residual.resolved(pixels, channels)};
}

ConvParameters parametersOf(const ConvDesc& desc, const Layouts& layouts) {
    ConvParameters p{};
    p.size = reversed(desc.size);
    p.outSize = reversed(desc.outSize);
    p.taps = reversed(desc.kernel);
    p.stride = reversed(desc.stride);
    p.padding = reversed(desc.padding);
    p.dilation = reversed(desc.dilation);
    p.rows = product(desc.outSize);
    p.columns = desc.outputs / desc.groups;
    p.depth = desc.channels / desc.groups;
    p.groups = desc.groups;
    p.aOffset = layouts.input.offset;
    p.aStride = layouts.input.stride;
    p.aBatchStride = layouts.input.batchStride;
    p.outOffset = layouts.out.offset;
    p.outStride = layouts.out.stride;
    p.outBatchStride = layouts.out.batchStride;
    p.residualOffset = layouts.residual.offset;
    p.residualStride = layouts.residual.stride;
    p.residualBatchStride = layouts.residual.batchStride;
    p.alpha = desc.alpha;
    p.activationA = desc.activation.a;
    p.activationB = desc.activation.b;
    p.shuffle = desc.pixelShuffle;
    return p;
}

// The shaders' interfaces name every binding: one that is not used gets a buffer that is there anyway.
FixedVector<OperandUse, maxOperandBindings> bindings(const ConvDesc& desc) {
    const uint8_t bias = desc.bias ? 2 : 1, residual = desc.hasResidual ? 3 : 1;
    return {{0, Access::read}, {1, Access::read}, {bias, Access::read}, {residual, Access::read}, {4, Access::write}};
}

Kernel pointwise(const ConvDesc& desc, const DeviceProfile& device) {
    GemmDesc gemmDesc;
    gemmDesc.storage = desc.storage;
    gemmDesc.batch = desc.batch;
    gemmDesc.rows = product(desc.outSize);
    gemmDesc.columns = desc.outputs;
    gemmDesc.depth = desc.channels;
    gemmDesc.a = desc.input;
    gemmDesc.out = desc.out;
    gemmDesc.residual = desc.residual;
    gemmDesc.bias = desc.bias;
    gemmDesc.hasResidual = desc.hasResidual;
    gemmDesc.activation = desc.activation;
    gemmDesc.alpha = desc.alpha;
    return gemm(gemmDesc, device);
}

Kernel depthwise(const ConvDesc& desc, const DeviceProfile& device) {
    constexpr uint32_t lanes = 64;
    const Layouts layouts = resolve(desc);
    ConvParameters p = parametersOf(desc, layouts);
    p.columns = desc.channels;
    const bool vectors = layouts.input.fourWide(p.rows, desc.channels) && !layouts.out.channelMajor &&
                         layouts.out.fourWide(p.rows, desc.channels) &&
                         (!desc.hasResidual || layouts.residual.fourWide(p.rows, desc.channels));
    Dispatch dispatch;
    const bool half = desc.storage == DataType::f16;
    dispatch.shader = desc.hasResidual ? half ? Shader::depthwiseConvAddF16 : Shader::depthwiseConvAdd
                      : half           ? Shader::depthwiseConvF16
                                       : Shader::depthwiseConv;
    dispatch.constants = {lanes,          vectors,
                          boundary(desc), layouts.out.channelMajor,
                          desc.bias,      static_cast<uint32_t>(desc.activation.kind)};
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {desc.bias ? uint8_t{2} : uint8_t{1}, Access::read}};
    if (desc.hasResidual)
        dispatch.bindings.push_back({3, Access::read});
    dispatch.bindings.push_back({4, Access::write});
    dispatch.groups = flatGrid("depthwise convolution", uint64_t{p.rows} * (vectors ? p.columns / 4 : p.columns), lanes,
                               desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 5;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 2ull * desc.batch * p.rows * desc.channels * product(desc.kernel);
    return kernel;
}

Kernel implicitGemm(const ConvDesc& desc, const DeviceProfile& device) {
    const Layouts layouts = resolve(desc);
    const ConvParameters p = parametersOf(desc, layouts);
    const bool shuffled = desc.pixelShuffle > 1;
    const bool partial = desc.inputPadded && desc.groups == 1 && p.depth % 4;
    const bool inVector = layouts.input.fourWide(product(desc.size), partial ? roundUp4(p.depth) : p.depth);
    const bool outVector = !shuffled && layouts.out.fourWide(p.rows, p.columns) &&
                           (!desc.hasResidual || layouts.residual.fourWide(p.rows, p.columns));
    const uint64_t flops = 2ull * desc.batch * p.rows * desc.outputs * p.depth * product(desc.kernel);
    const GemmTuning tuning =
        gemmTuning(device, {.rows = p.rows,
                            .columns = p.columns,
                            .planes = uint64_t{desc.batch} * desc.groups,
                            .flops = flops,
                            .simple = inVector && outVector && !desc.hasResidual && desc.storage == DataType::f32});
    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::convF16 : Shader::conv;
    dispatch.constants = {tuning.threadsM * tuning.threadsN,
                          tuning.threadsM,
                          tuning.threadsN,
                          tuning.quadsM,
                          tuning.quadsN,
                          tuning.staged,
                          tuning.stepK,
                          false,
                          inVector ? partial ? 2u : 1u : 0u,
                          layouts.out.channelMajor,
                          outVector,
                          desc.bias,
                          desc.hasResidual,
                          static_cast<uint32_t>(desc.activation.kind),
                          boundary(desc),
                          shuffled};
    dispatch.parameters.set(p);
    dispatch.sharedBytes = tuning.sharedBytes();
    dispatch.bindings = bindings(desc);
    dispatch.groups = {divideUp(p.rows, tuning.rowsPerGroup()), divideUp(p.columns, tuning.columnsPerGroup()),
                       desc.batch * desc.groups};
    Kernel kernel;
    kernel.operandCount = 5;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = flops;
    return kernel;
}

} // namespace

Kernel conv(const ConvDesc& desc, const DeviceProfile& device) {
    check(desc);
    if (isPointwise(desc))
        return pointwise(desc, device);
    return isDepthwise(desc) ? depthwise(desc, device) : implicitGemm(desc, device);
}

uint64_t convWeightElements(const ConvDesc& desc) {
    const uint64_t taps = product(desc.kernel);
    if (isDepthwise(desc))
        return taps * roundUp4(desc.channels);
    return taps * desc.groups * roundUp4(desc.channels / desc.groups) * roundUp4(desc.outputs / desc.groups);
}

// [group][tap][channel, padded to 4][output, padded to 4]; depthwise [tap][channel].
template <class Element>
void packConvWeight(const ConvDesc& desc, std::span<const Element> weight, std::span<Element> packed) {
    const size_t taps = product(desc.kernel), channels = desc.channels / desc.groups,
                 outputs = desc.outputs / desc.groups;
    if (weight.size() != taps * desc.groups * channels * outputs || packed.size() != convWeightElements(desc))
        throw Error(SAC_ERROR_INTERNAL, "convolution weight of %zu elements packed into %zu", weight.size(),
                    packed.size());
    std::fill(packed.begin(), packed.end(), Element{});
    const bool depthwise = isDepthwise(desc);
    const size_t depth = roundUp4(static_cast<uint32_t>(channels)), pitch = roundUp4(static_cast<uint32_t>(outputs));
    for (size_t g = 0; g < desc.groups; ++g)
        for (size_t o = 0; o < outputs; ++o)
            for (size_t c = 0; c < channels; ++c)
                for (size_t t = 0; t < taps; ++t) {
                    const size_t from = desc.transposed ? ((g * channels + c) * outputs + o) * taps + t
                                                        : ((g * outputs + o) * channels + c) * taps + t;
                    const size_t to = depthwise ? t * desc.channels + g : ((g * taps + t) * depth + c) * pitch + o;
                    packed[to] = weight[from];
                }
}

template void packConvWeight(const ConvDesc&, std::span<const float>, std::span<float>);
template void packConvWeight(const ConvDesc&, std::span<const uint16_t>, std::span<uint16_t>);

} // namespace saccade
