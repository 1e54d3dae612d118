#include "kernels/attention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.hpp"
#include "kernels/attention_tuning.hpp"
#include "kernels/position_bias.hpp"

namespace saccade {
namespace {

// Bits of `features` in shaders/attention_interface.glsl.
enum Feature : uint32_t {
    vectorQk = 1u << 0,
    vectorVo = 1u << 1,
    writesParts = 1u << 2,
    averagesEmpty = 1u << 3,
    logDistance = 1u << 4,
    hasDenseBias = 1u << 5,
    hasAlibi = 1u << 6,
    hasSoftcap = 1u << 7,
    softcapFirst = 1u << 8,
    isCausal = 1u << 9,
    hasKeyMask = 1u << 10,
    hasStaticMask = 1u << 11,
    layoutPerHead = 1u << 12,
    hasLengths = 1u << 13,
    lengthsPerBatch = 1u << 14,
    keysFromLength = 1u << 15,
    causalFromLength = 1u << 16,
    staticMaskFromLength = 1u << 17,
    causalAtLengthZero = 1u << 18,
    wideLengths = 1u << 19,
    tableQuads = 1u << 20,
};

struct AttentionPush {
    AttentionView q, k, v, out;
    uint32_t queries, keys;
    float scale, softcap;
    int32_t causalOffset, keysPlus, staticMaskOffset;
    uint32_t keyMaskStride;
    std::array<uint32_t, 4> denseBiasStrides, staticMaskStrides;
};
static_assert(sizeof(AttentionPush) == 128);

struct ReducePush {
    AttentionView out;
    uint32_t queries, heads, parts;
};

bool isTextAndImage(AttentionPattern pattern) { return pattern >= AttentionPattern::convWindow; }

void requireRange(const char* name, uint64_t value, uint64_t low, uint64_t high) {
    if (value < low || value > high)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "attention: %s is %llu, not in %llu..%llu", name, wide(value),
                    wide(low), wide(high));
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

uint32_t features(const AttentionDesc& desc) {
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
    return bits;
}

/// Appends the optional operands to the bindings and returns where each lies among them, four bits each, in the order
/// of attention_interface.glsl.
uint32_t bindOptional(const AttentionOperands& operands, int shift, uint32_t& count, Dispatch& dispatch) {
    uint32_t slots = 0;
    count = 0;
    const int all[] = {operands.positions, operands.positionBias, operands.denseBias, operands.slopes,
                       operands.keyMask,   operands.staticMask,   operands.layout,    operands.lengths};
    for (int i = 0; i < 8; ++i)
        if (all[i] >= 0) {
            slots |= count++ << (4 * i);
            dispatch.bindings.push_back({static_cast<uint8_t>(all[i] + shift), Access::read});
        }
    return slots;
}

/// A variant declares none, two or eight optional operands; those it has too many are bound to the queries and not
/// read.
uint32_t padOptional(uint32_t count, Dispatch& dispatch) {
    const uint32_t declared = count == 0 ? 0 : count <= 2 ? 2 : 8;
    for (uint32_t i = count; i < declared; ++i)
        dispatch.bindings.push_back({0, Access::read});
    return declared;
}

Shader attentionShader(bool half, uint32_t optional, bool laneBroadcast) {
    static constexpr Shader variants[2][2][3] = {
        {{Shader::attention, Shader::attention2, Shader::attention8},
         {Shader::attentionF16, Shader::attention2F16, Shader::attention8F16}},
        {{Shader::attentionLanes, Shader::attentionLanes2, Shader::attentionLanes8},
         {Shader::attentionLanesF16, Shader::attentionLanes2F16, Shader::attentionLanes8F16}}};
    return variants[laneBroadcast][half][optional == 0 ? 0 : optional == 2 ? 1 : 2];
}

Shader scoresShader(bool half, uint32_t optional) {
    if (half)
        return optional == 0   ? Shader::attentionScoresF16
               : optional == 2 ? Shader::attentionScores2F16
                               : Shader::attentionScores8F16;
    return optional == 0   ? Shader::attentionScores
           : optional == 2 ? Shader::attentionScores2
                           : Shader::attentionScores8;
}

void pushConstants(const AttentionDesc& desc, uint32_t bits, uint32_t slots, const AttentionTuning& tuning,
                   Dispatch& dispatch) {
    const PositionBiasDesc& bias = desc.positionBias;
    auto& constants = dispatch.constants;
    for (uint32_t value :
         {tuning.lanes, desc.headDim, desc.valueDim, tuning.rows, tuning.split, tuning.keysPerStep, tuning.stagedKeys,
          bits, slots, desc.heads, desc.heads / desc.kvHeads, static_cast<uint32_t>(desc.pattern)})
        constants.push_back(value);
    if (desc.pattern == AttentionPattern::blocks) {
        constants.push_back(desc.blockSize);
        constants.push_back(desc.layoutBlocks ? desc.layoutBlocks : divideUp(desc.queries, desc.blockSize));
        constants.push_back(desc.layoutBlocks ? desc.layoutBlocks : divideUp(desc.keys, desc.blockSize));
    } else {
        constants.push_back(desc.textLength);
        constants.push_back(std::max(desc.imageSize, 1u));
        constants.push_back(desc.windowSize | desc.windowDilation << 16);
    }
    for (uint32_t value : {desc.leadingKeys, desc.denseBiasOffset, static_cast<uint32_t>(bias.mode), bias.dims,
                           bias.headsPerGroup, std::max(bias.width, 1u)})
        constants.push_back(value);
    for (uint32_t value : bias.gridSize)
        constants.push_back(value);
    for (uint32_t value : bias.gridStride)
        constants.push_back(value);
    for (float value : bias.divisor)
        constants.push_back(std::bit_cast<uint32_t>(value));
    for (uint32_t value : bias.tableSize)
        constants.push_back(value);
    for (float value : bias.tableOrigin)
        constants.push_back(std::bit_cast<uint32_t>(value));
    for (float value : bias.tableStep)
        constants.push_back(std::bit_cast<uint32_t>(1 / value));
    constants.push_back(tuning.mlpPairs);
    dispatch.push.set(AttentionPush{desc.q, desc.k, desc.v, desc.out, desc.queries, desc.keys, desc.scale, desc.softcap,
                                    desc.causalOffset, desc.keysPlus, desc.staticMaskQueryOffset, desc.keyMaskStride,
                                    desc.denseBiasStrides, desc.staticMaskStrides});
}

/// Queries in walk order: with columns, places without a token count too.
uint32_t walkLength(const AttentionDesc& desc) {
    return desc.pattern == AttentionPattern::axialColumn ? desc.textLength + desc.imageSize * desc.imageSize
                                                         : desc.queries;
}

} // namespace

AttentionOperands attentionOperands(const AttentionDesc& desc) {
    AttentionOperands operands;
    const auto next = [&](bool present) { return present ? static_cast<int>(operands.count++) : -1; };
    const bool positionBias = desc.positionBias.mode != PositionBiasDesc::Mode::none;
    operands.positions = next(positionBias);
    operands.positionBias = next(positionBias);
    operands.denseBias = next(desc.denseBias);
    operands.slopes = next(desc.alibi);
    operands.keyMask = next(desc.keyMask);
    operands.staticMask = next(desc.staticMask);
    operands.layout = next(desc.pattern == AttentionPattern::blocks);
    operands.lengths = next(desc.lengths);
    return operands;
}

Kernel attentionKernel(const AttentionDesc& desc, const DeviceProfile& device) {
    return attentionKernel(desc, attentionTuning(desc, device));
}

Kernel attentionKernel(const AttentionDesc& desc, const AttentionTuning& tuning) {
    check(desc);
    const AttentionOperands operands = attentionOperands(desc);
    const bool merged = tuning.parts > 1;
    const uint8_t parts = static_cast<uint8_t>(operands.count);

    Kernel kernel;
    kernel.operandCount = operands.count;
    const uint64_t pairs = uint64_t{desc.batch} * desc.heads * desc.queries * desc.keys;
    kernel.flops = 2 * pairs * (desc.headDim + desc.valueDim);
    if (desc.positionBias.mode == PositionBiasDesc::Mode::exact)
        kernel.flops += pairs / desc.positionBias.headsPerGroup * positionBiasFlops(desc.positionBias);

    Dispatch attend;
    attend.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::read}};
    attend.bindings.push_back({merged ? parts : uint8_t{3}, Access::write});
    uint32_t optional = 0;
    const uint32_t slots = bindOptional(operands, 0, optional, attend);
    attend.shader = attentionShader(desc.half, padOptional(optional, attend), tuning.laneBroadcast);
    pushConstants(desc, features(desc) | (merged ? uint32_t{writesParts} : 0u), slots, tuning, attend);
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
        reduce.push.set(ReducePush{desc.out, desc.queries, desc.heads, tuning.parts});
        reduce.bindings = {{parts, Access::read}, {3, Access::write}};
        reduce.groups = {divideUp(uint64_t{desc.queries} * vectors, lanes), 1, desc.batch * desc.heads};
        kernel.dispatches.push_back(reduce);
    }
    return kernel;
}

Kernel attentionScoresKernel(const AttentionDesc& desc, AttentionStage stage, float hidden) {
    check(desc);
    const AttentionOperands operands = attentionOperands(desc);
    constexpr int shift = -2; // v and out are not among the operands
    const uint8_t scores = static_cast<uint8_t>(operands.count - 2);
    const uint64_t rows = uint64_t{desc.batch} * desc.heads * desc.queries;

    Kernel kernel;
    kernel.operandCount = scores + 1u;
    kernel.flops = 2 * rows * desc.keys * desc.headDim;

    AttentionTuning tuning;
    tuning.lanes = std::clamp(std::bit_ceil(desc.keys), 8u, 64u);
    tuning.keysPerStep = 1;
    tuning.mlpPairs = 1;

    Dispatch dispatch;
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {scores, Access::readWrite}};
    // Halves would round the softmax on its way: it is kept aside as floats.
    const bool aside = desc.half && stage == AttentionStage::softmax;
    if (aside)
        kernel.scratchBytes.push_back(sizeof(float) * rows * desc.keys);
    dispatch.bindings.push_back({aside ? static_cast<uint8_t>(kernel.operandCount) : scores, Access::readWrite});
    uint32_t optional = 0;
    const uint32_t slots = bindOptional(operands, shift, optional, dispatch);
    dispatch.shader = scoresShader(desc.half, padOptional(optional, dispatch));
    // The views of v and out are free here: the second carries what only this kernel asks for.
    AttentionDesc pushed = desc;
    pushed.out = {static_cast<uint32_t>(stage), std::bit_cast<uint32_t>(hidden), 0, 0};
    pushConstants(pushed, features(desc), slots, tuning, dispatch);
    dispatch.sharedBytes = 4 * tuning.lanes;
    dispatch.groups = {1, desc.queries, desc.batch * desc.heads};
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
