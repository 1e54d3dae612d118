// SPDX-License-Identifier: Apache-2.0
#include "kernels/group_norm.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kernels/views.hpp"
#include "parameters/group_norm.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;
constexpr uint8_t source = 0, result = 1, scale = 2, shift = 3, moments = 4, coefficients = 5;

void check(const GroupNormDesc& desc) {
    if (!desc.batch || !desc.tokens || !desc.groups || !desc.channels || desc.channels % desc.groups)
        throw Error(SAC_ERROR_INTERNAL,
                    "group norm of batch %u, %u tokens, %u channels in %u groups: a size is 0 or channels are not "
                    "divisible",
                    desc.batch, desc.tokens, desc.channels, desc.groups);
    if (desc.storage != DataType::f32 && desc.storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "group norm of %s: neither F32 nor F16", dataTypeName(desc.storage));
    if (desc.source.channelMajor || desc.result.channelMajor)
        throw Error(SAC_ERROR_INTERNAL, "group norm of a channel-major layout: it reads and writes tokens");
}

} // namespace

Kernel groupNormKernel(const GroupNormDesc& desc, const DeviceProfile& device) {
    check(desc);
    const MatrixLayout from = desc.source.resolved(desc.tokens, desc.channels);
    const MatrixLayout to = desc.result.resolved(desc.tokens, desc.channels);
    const bool half = desc.storage == DataType::f16;
    const bool vectors = from.fourWide(desc.tokens, desc.channels) && to.fourWide(desc.tokens, desc.channels);
    GroupNormParameters p{};
    p.tokens = desc.tokens;
    p.channels = desc.channels;
    p.width = vectors ? desc.channels / 4 : desc.channels;
    p.divisorWidth = divisor(p.width);
    p.divisorGroup = divisor(desc.channels / desc.groups);
    // Chunks that fill the machine, neither so short that moments are many nor so long that sums lose digits.
    const uint64_t fill = device.isCpu() ? 1024 : 32768;
    const uint64_t wanted = uint64_t{desc.tokens} * p.width * desc.batch / fill;
    p.chunkTokens = static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 32, 256));
    p.chunks = divideUp(desc.tokens, p.chunkTokens);
    p.sourceOffset = from.offset;
    p.sourceBatchStride = from.batchStride;
    p.sourceStride = from.stride;
    p.resultOffset = to.offset;
    p.resultBatchStride = to.batchStride;
    p.resultStride = to.stride;
    p.epsilon = desc.epsilon;
    p.activationA = desc.activation.a;
    p.activationB = desc.activation.b;

    Kernel kernel;
    kernel.operandCount = 4;
    kernel.scratchBytes = {8ull * desc.batch * p.chunks * desc.channels, 8ull * desc.batch * desc.channels};
    // What is not there is bound to what is.
    const uint8_t scaleOrSpare = desc.hasScale ? scale : moments;
    const uint8_t shiftOrSpare = desc.hasShift ? shift : coefficients;

    Dispatch statistics;
    statistics.shader = half ? Shader::groupNormStatisticsF16 : Shader::groupNormStatistics;
    statistics.constants = {lanes, vectors};
    statistics.parameters.set(p);
    statistics.bindings = {{source, Access::read}, {moments, Access::write}};
    statistics.groups = flatGrid("group norm", uint64_t{p.chunks} * p.width, lanes, desc.batch, device);
    kernel.dispatches.push_back(statistics);

    Dispatch combine;
    combine.shader = Shader::groupNormCombine;
    combine.constants = {lanes, desc.hasScale, lanes};
    combine.sharedBytes = 4 * lanes;
    combine.parameters.set(p);
    combine.bindings = {{moments, Access::read}, {scaleOrSpare, Access::read}, {coefficients, Access::write}};
    combine.groups = {desc.groups, 1, desc.batch};
    kernel.dispatches.push_back(combine);

    const uint32_t run = device.isCpu() ? 8 : 4;
    Dispatch apply;
    apply.shader = half ? Shader::groupNormApplyF16 : Shader::groupNormApply;
    apply.constants = {lanes, vectors, run, desc.hasShift, static_cast<uint32_t>(desc.activation.kind)};
    apply.parameters.set(p);
    apply.bindings = {
        {source, Access::read}, {coefficients, Access::read}, {shiftOrSpare, Access::read}, {result, Access::write}};
    apply.groups = flatGrid("group norm", uint64_t{divideUp(desc.tokens, run)} * p.width, lanes, desc.batch, device);
    kernel.dispatches.push_back(apply);
    kernel.flops = 7ull * desc.batch * desc.tokens * desc.channels;
    return kernel;
}

} // namespace saccade
