// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.hpp"
#include "kernels/attention_tuning.hpp"
#include "kernels/position_bias.hpp"
#include "parameters/attention.h"
#include "parameters/attention_reduce.h"

namespace saccade {
namespace {

// Bits of `features` in shaders/attention_interface.glsl.
enum Feature : uint32_t {
    vectorQk = 1u << 0,
    vectorVo = 1u << 1,
    averagesEmpty = 1u << 2,
    logDistance = 1u << 3,
    hasDenseBias = 1u << 4,
    hasAlibi = 1u << 5,
    hasSoftcap = 1u << 6,
    softcapFirst = 1u << 7,
    isCausal = 1u << 8,
    hasKeyMask = 1u << 9,
    hasStaticMask = 1u << 10,
    layoutPerHead = 1u << 11,
    hasLengths = 1u << 12,
    lengthsPerBatch = 1u << 13,
    keysFromLength = 1u << 14,
    causalFromLength = 1u << 15,
    staticMaskFromLength = 1u << 16,
    causalAtLengthZero = 1u << 17,
    wideLengths = 1u << 18,
    tableQuads = 1u << 19,
    sharesAxis0 = 1u << 20, // and the next two
};

bool isTextAndImage(AttentionPattern pattern) {
    return pattern == AttentionPattern::convWindow || pattern == AttentionPattern::axialRow ||
           pattern == AttentionPattern::axialColumn;
}

void requireRange(const char* name, uint64_t value, uint64_t low, uint64_t high) {
    if (value < low || value > high)
        throw Error(SAC_ERROR_INTERNAL, "attention: %s is %llu, not in %llu..%llu", name, wide(value), wide(low),
                    wide(high));
}

void check(const AttentionDesc& desc) {
    requireRange("batch", desc.batch, 1, UINT32_MAX);
    requireRange("heads", desc.heads, 1, UINT32_MAX);
    requireRange("kvHeads", desc.kvHeads, 1, desc.heads);
    requireRange("heads % kvHeads", desc.heads % desc.kvHeads, 0, 0);
    requireRange("queries", desc.queries, 1, UINT32_MAX);
    requireRange("keys", desc.keys, 1, UINT32_MAX);
    requireRange("headDim", desc.headDim, 1, 256);
    requireRange("valueDim", desc.valueDim, 1, 256);
    const PositionBiasDesc& bias = desc.positionBias;
    if (bias.mode != PositionBiasDesc::Mode::none) {
        requireRange("positionBias.dims", bias.dims, 1, 3);
        requireRange("positionBias.headsPerGroup", bias.headsPerGroup, 1, desc.heads);
        requireRange("heads % positionBias.headsPerGroup", desc.heads % bias.headsPerGroup, 0, 0);
        if (bias.mode == PositionBiasDesc::Mode::exact)
            requireRange("positionBias.width", bias.width, 1, 256);
        else
            for (uint32_t axis = 0; axis < bias.dims; ++axis)
                requireRange("positionBias.tableSize", bias.tableSize[axis], 2, UINT32_MAX);
    }
    if (desc.keysFromLength)
        requireRange("keysPlus", static_cast<uint64_t>(desc.keysPlus), 0, desc.keys);
    if (desc.pattern == AttentionPattern::blocks)
        requireRange("blockSize", desc.blockSize, 1, UINT32_MAX);
    if (isTextAndImage(desc.pattern)) {
        requireRange("imageSize", desc.imageSize, 1, 65535);
        requireRange("queries", desc.queries, 1, desc.textLength + uint64_t{desc.imageSize} * desc.imageSize);
        requireRange("keys", desc.keys, 1, desc.textLength + uint64_t{desc.imageSize} * desc.imageSize);
    }
    if (desc.pattern == AttentionPattern::convWindow) {
        requireRange("windowSize", desc.windowSize, 1, 65535);
        requireRange("windowDilation", desc.windowDilation, 1, 65535);
    }
}

uint32_t features(const AttentionDesc& desc, const AttentionTuning& tuning) {
    uint32_t bits = 0;
    const auto set = [&](uint32_t bit, bool on) { bits |= on ? bit : 0; };
    set(vectorQk, desc.q.fourWide(desc.headDim) && desc.k.fourWide(desc.headDim));
    set(vectorVo, desc.v.fourWide(desc.valueDim) && desc.out.fourWide(desc.valueDim));
    set(averagesEmpty, desc.empty == AttentionDesc::Empty::average);
    set(logDistance, desc.positionBias.logDistance);
    set(hasDenseBias, desc.denseBias);
    set(hasAlibi, desc.alibi);
    set(hasSoftcap, desc.softcap > 0);
    set(softcapFirst, desc.softcapBeforeBias);
    set(isCausal, desc.causal);
    set(hasKeyMask, desc.keyMask);
    set(hasStaticMask, desc.staticMask);
    set(layoutPerHead, desc.layoutPerHead);
    set(hasLengths, desc.lengths);
    set(lengthsPerBatch, desc.lengthsPerBatch);
    set(keysFromLength, desc.keysFromLength);
    set(causalFromLength, desc.causalFromLength);
    set(staticMaskFromLength, desc.staticMaskFromLength);
    set(causalAtLengthZero, desc.causalAtLengthZero);
    set(wideLengths, desc.wideLengths);
    set(tableQuads, desc.positionBias.tableQuads && desc.positionBias.dims > 1);
    // Queries next to each other differ at most once along an axis that strides so far.
    for (uint32_t axis = 0; axis < 3; ++axis)
        set(sharesAxis0 << axis, tuning.laneBroadcast && desc.pattern != AttentionPattern::axialColumn &&
                                     desc.positionBias.gridStride[axis] >= tuning.lanes);
    return bits;
}

enum class Machine : uint8_t { gpu, cpu, scores };

/// A variant declares none, two or eight optional operands.
Shader shaderOf(Machine machine, uint32_t declared, bool half) {
    static constexpr Shader variants[3][3][2] = {
        {{Shader::attentionGpu, Shader::attentionGpuF16},
         {Shader::attentionGpu2, Shader::attentionGpu2F16},
         {Shader::attentionGpu8, Shader::attentionGpu8F16}},
        {{Shader::attentionCpu, Shader::attentionCpuF16},
         {Shader::attentionCpu2, Shader::attentionCpu2F16},
         {Shader::attentionCpu8, Shader::attentionCpu8F16}},
        {{Shader::attentionScores, Shader::attentionScoresF16},
         {Shader::attentionScores2, Shader::attentionScores2F16},
         {Shader::attentionScores8, Shader::attentionScores8F16}},
    };
    return variants[static_cast<size_t>(machine)][declared == 0 ? 0 : declared == 2 ? 1 : 2][half];
}

AttentionParameters parametersOf(const AttentionDesc& desc) {
    const PositionBiasDesc& bias = desc.positionBias;
    const uint32_t blockSize = std::max(desc.blockSize, 1u);
    AttentionParameters p{};
    p.qView = desc.q;
    p.kView = desc.k;
    p.vView = desc.v;
    p.outView = desc.out;
    p.denseBiasStrides = vector4(desc.denseBiasStrides);
    p.staticMaskStrides = vector4(desc.staticMaskStrides);
    p.gridSize = vector4(bias.gridSize);
    p.gridStride = vector4(bias.gridStride);
    p.divisor = vector4(bias.divisor);
    p.tableSize = vector4(bias.tableSize);
    p.tableOrigin = vector4(bias.tableOrigin);
    p.tableScale = {1 / bias.tableStep[0], 1 / bias.tableStep[1], 1 / bias.tableStep[2], 0};
    p.queries = desc.queries;
    p.keys = desc.keys;
    p.heads = desc.heads;
    p.headsPerKv = desc.heads / desc.kvHeads;
    p.headsPerGroup = bias.headsPerGroup;
    p.scale = desc.scale;
    p.softcap = desc.softcap;
    p.causalOffset = desc.causalOffset;
    p.leadingKeys = desc.leadingKeys;
    p.keysPlus = desc.keysPlus;
    p.keyMaskStride = desc.keyMaskStride;
    p.staticMaskOffset = desc.staticMaskQueryOffset;
    p.denseBiasOffset = desc.denseBiasOffset;
    p.blockSize = blockSize;
    p.layoutRows = desc.layoutBlocks ? desc.layoutBlocks : divideUp(desc.queries, blockSize);
    p.layoutColumns = desc.layoutBlocks ? desc.layoutBlocks : divideUp(desc.keys, blockSize);
    p.textLength = desc.textLength;
    p.imageSize = std::max(desc.imageSize, 1u);
    p.windowSize = std::max(desc.windowSize, 1u);
    p.windowDilation = std::max(desc.windowDilation, 1u);
    return p;
}

/// Shader, constants and the optional operands behind the bindings that are there. `parameters` are desc's.
void complete(Dispatch& dispatch, Machine machine, const AttentionDesc& desc, const AttentionTuning& tuning,
              const AttentionParameters& parameters) {
    const bool positionBias = desc.positionBias.mode != PositionBiasDesc::Mode::none;
    const struct {
        AttentionOperand operand;
        bool present;
    } all[] = {
        {AttentionOperand::positions, positionBias},
        {AttentionOperand::positionBias, positionBias},
        {AttentionOperand::denseBias, desc.denseBias},
        {AttentionOperand::slopes, desc.alibi},
        {AttentionOperand::keyMask, desc.keyMask},
        {AttentionOperand::staticMask, desc.staticMask},
        {AttentionOperand::layout, desc.pattern == AttentionPattern::blocks},
        {AttentionOperand::lengths, desc.lengths},
    };
    uint32_t count = 0;
    for (const auto& [operand, present] : all)
        if (present) {
            dispatch.bindings.push_back({static_cast<uint8_t>(operand), Access::read});
            ++count;
        }
    const uint32_t declared = count == 0 ? 0 : count <= 2 ? 2 : 8;
    for (uint32_t i = count; i < declared; ++i) // declared but not read: bound to q
        dispatch.bindings.push_back({static_cast<uint8_t>(AttentionOperand::q), Access::read});

    dispatch.shader = shaderOf(machine, declared, desc.half);
    dispatch.constants = {tuning.lanes,
                          desc.headDim,
                          desc.valueDim,
                          tuning.queriesPerLane,
                          tuning.lanesPerQuery,
                          tuning.keysPerStep,
                          tuning.stagedKeys,
                          features(desc, tuning),
                          static_cast<uint32_t>(desc.pattern),
                          static_cast<uint32_t>(desc.positionBias.mode),
                          desc.positionBias.dims,
                          std::max(desc.positionBias.width, 1u),
                          tuning.mlpPairs};
    dispatch.parameters.set(parameters);
}

/// Queries in walk order: with columns, places without a token count too.
uint32_t walkLength(const AttentionDesc& desc) {
    return desc.pattern == AttentionPattern::axialColumn ? desc.textLength + desc.imageSize * desc.imageSize
                                                         : desc.queries;
}

} // namespace

Kernel attentionKernel(const AttentionDesc& desc, const DeviceProfile& device) {
    return attentionKernel(desc, attentionTuning(desc, device));
}

Kernel attentionKernel(const AttentionDesc& desc, const AttentionTuning& tuning) {
    check(desc);
    const bool merged = tuning.parts > 1;
    constexpr uint8_t q = operandNumber(AttentionOperand::q), k = operandNumber(AttentionOperand::k),
                      v = operandNumber(AttentionOperand::v), out = operandNumber(AttentionOperand::out),
                      parts = attentionOperandCount;

    Kernel kernel;
    kernel.operandCount = attentionOperandCount;
    const uint64_t pairs = uint64_t{desc.batch} * desc.heads * desc.queries * desc.keys;
    kernel.flops = 2 * pairs * (desc.headDim + desc.valueDim);
    if (desc.positionBias.mode == PositionBiasDesc::Mode::exact)
        kernel.flops += pairs / desc.positionBias.headsPerGroup * positionBiasFlops(desc.positionBias);

    Dispatch attend;
    attend.bindings = {{q, Access::read}, {k, Access::read}, {v, Access::read}, {merged ? parts : out, Access::write}};
    complete(attend, tuning.laneBroadcast ? Machine::cpu : Machine::gpu, desc, tuning, parametersOf(desc));
    attend.sharedBytes = tuning.sharedBytes(desc);
    attend.groups = {divideUp(walkLength(desc), tuning.queriesPerGroup()), tuning.parts, desc.batch * desc.heads};
    kernel.dispatches.push_back(attend);

    if (merged) {
        const uint32_t vectors = divideUp(desc.valueDim, 4);
        kernel.scratchBytes.push_back(uint64_t{16} * (vectors + 1) * tuning.parts * desc.batch * desc.heads *
                                      desc.queries);
        constexpr uint32_t lanes = 64;
        Dispatch reduce;
        reduce.shader = desc.half ? Shader::attentionReduceF16 : Shader::attentionReduce;
        reduce.constants = {lanes, desc.valueDim, desc.out.fourWide(desc.valueDim)};
        reduce.parameters.set(AttentionReduceParameters{desc.out, desc.queries, desc.heads, tuning.parts});
        reduce.bindings = {{parts, Access::read}, {out, Access::write}};
        reduce.groups = {divideUp(uint64_t{desc.queries} * vectors, lanes), 1, desc.batch * desc.heads};
        kernel.dispatches.push_back(reduce);
    }
    return kernel;
}

Kernel attentionScoresKernel(const AttentionDesc& desc, AttentionStage stage, float hidden) {
    check(desc);
    constexpr uint8_t q = operandNumber(AttentionOperand::q), k = operandNumber(AttentionOperand::k),
                      scores = operandNumber(AttentionOperand::out), kept = attentionOperandCount;
    const uint64_t rows = uint64_t{desc.batch} * desc.heads * desc.queries;

    Kernel kernel;
    kernel.operandCount = attentionOperandCount;
    kernel.flops = 2 * rows * desc.keys * desc.headDim;

    AttentionTuning tuning;
    tuning.lanes = std::clamp(std::bit_ceil(desc.keys), 8u, 64u);
    tuning.keysPerStep = 1;
    tuning.mlpPairs = 1;

    AttentionParameters parameters = parametersOf(desc);
    parameters.shownStage = static_cast<uint32_t>(stage);
    parameters.shownHidden = hidden;

    Dispatch dispatch;
    dispatch.bindings = {{q, Access::read}, {k, Access::read}, {scores, Access::readWrite}};
    // Halves would round the softmax on its way: it is kept aside as floats.
    const bool aside = desc.half && stage == AttentionStage::softmax;
    if (aside)
        kernel.scratchBytes.push_back(sizeof(float) * rows * desc.keys);
    dispatch.bindings.push_back({aside ? kept : scores, Access::readWrite});
    complete(dispatch, Machine::scores, desc, tuning, parameters);
    dispatch.sharedBytes = 4 * tuning.lanes;
    dispatch.groups = {1, desc.queries, desc.batch * desc.heads};
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
