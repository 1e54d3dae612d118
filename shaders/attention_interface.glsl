// SPDX-License-Identifier: Apache-2.0
// What the attention kernels share: specialization constants, parameters, the optional operands and how to read them.
// Filled by runtime/kernels/attention.cpp, which names the same fields. The includer defines FIRST_OPTIONAL, the binding
// behind its fixed operands, and OPTIONAL_OPERANDS, how many there may be.
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint headDim = 64;
layout(constant_id = 2) const uint valueDim = 64;
layout(constant_id = 3) const uint queriesPerLane = 1;
layout(constant_id = 4) const uint lanesPerQuery = 1; // that share its channels
layout(constant_id = 5) const uint keysPerStep = 8;   // of the running softmax
layout(constant_id = 6) const uint stagedKeys = 0;    // per tile in shared memory; 0: keys are read where they lie
layout(constant_id = 7) const uint features = 0;
layout(constant_id = 8) const uint pattern = 0;
layout(constant_id = 9) const uint biasMode = 0;
layout(constant_id = 10) const uint biasDims = 2;
layout(constant_id = 11) const uint mlpWidth = 1;
layout(constant_id = 12) const uint mlpPairs = 4; // pairs whose bias is evaluated together

// Bits as in enum Feature.
const bool vectorQk = (features & (1u << 0)) != 0u; // four channels per load
const bool vectorVo = (features & (1u << 1)) != 0u;
const bool averagesEmpty = (features & (1u << 2)) != 0u;
const bool logDistance = (features & (1u << 3)) != 0u;
const bool hasDenseBias = (features & (1u << 4)) != 0u;
const bool hasAlibi = (features & (1u << 5)) != 0u;
const bool hasSoftcap = (features & (1u << 6)) != 0u;
const bool softcapFirst = (features & (1u << 7)) != 0u;
const bool isCausal = (features & (1u << 8)) != 0u;
const bool hasKeyMask = (features & (1u << 9)) != 0u;
const bool hasStaticMask = (features & (1u << 10)) != 0u;
const bool layoutPerHead = (features & (1u << 11)) != 0u;
const bool hasLengths = (features & (1u << 12)) != 0u;
const bool lengthsPerBatch = (features & (1u << 13)) != 0u;
const bool keysFromLength = (features & (1u << 14)) != 0u;
const bool causalFromLength = (features & (1u << 15)) != 0u;
const bool staticMaskFromLength = (features & (1u << 16)) != 0u;
const bool causalAtLengthZero = (features & (1u << 17)) != 0u;
const bool wideLengths = (features & (1u << 18)) != 0u;
const bool tableQuads = (features & (1u << 19)) != 0u;
const bool sharesAxis0 = (features & (1u << 20)) != 0u; // attention_cpu.comp
const bool sharesAxis1 = (features & (1u << 21)) != 0u;
const bool sharesAxis2 = (features & (1u << 22)) != 0u;

// As enum class AttentionPattern.
const uint patternBlocks = 1u;
const uint patternConvWindow = 2u;
const uint patternAxialRow = 3u;
const uint patternAxialColumn = 4u;
const bool textAndImage = pattern == patternConvWindow || pattern == patternAxialRow || pattern == patternAxialColumn;
const bool columnOrder = pattern == patternAxialColumn;

const uint biasExact = 1u;
const uint biasTable = 2u;

// Whether some queries may see keys that others do not, or a key be there that none sees.
const bool mayHide = hasDenseBias || isCausal || hasKeyMask || hasStaticMask || pattern != 0u;

#define PARAMETER_BINDING (FIRST_OPTIONAL + OPTIONAL_OPERANDS)
#include "parameters/attention.h"

// The optional operands that are present lie behind the fixed ones in this order.
const uint positionsSlot = 0u;
const uint positionBiasSlot = 1u;
const uint denseBiasSlot = biasMode != 0u ? 2u : 0u;
const uint slopesSlot = denseBiasSlot + (hasDenseBias ? 1u : 0u);
const uint keyMaskSlot = slopesSlot + (hasAlibi ? 1u : 0u);
const uint staticMaskSlot = keyMaskSlot + (hasKeyMask ? 1u : 0u);
const uint layoutSlot = staticMaskSlot + (hasStaticMask ? 1u : 0u);
const uint lengthsSlot = layoutSlot + (pattern == patternBlocks ? 1u : 0u);

// A slot is known when the pipeline is made, so that these choices fold away.
#define DECLARE_OPTIONAL(n, place)                                                                                     \
    layout(std430, set = 0, binding = place) readonly buffer OptionalWords##n { uint words##n[]; };                    \
    layout(std430, set = 0, binding = place) readonly buffer OptionalVectors##n { vec4 vectors##n[]; };
#if OPTIONAL_OPERANDS > 0
DECLARE_OPTIONAL(0, FIRST_OPTIONAL)
DECLARE_OPTIONAL(1, FIRST_OPTIONAL + 1)
#endif
#if OPTIONAL_OPERANDS > 2
DECLARE_OPTIONAL(2, FIRST_OPTIONAL + 2)
DECLARE_OPTIONAL(3, FIRST_OPTIONAL + 3)
DECLARE_OPTIONAL(4, FIRST_OPTIONAL + 4)
DECLARE_OPTIONAL(5, FIRST_OPTIONAL + 5)
DECLARE_OPTIONAL(6, FIRST_OPTIONAL + 6)
DECLARE_OPTIONAL(7, FIRST_OPTIONAL + 7)
#endif

uint optionalWord(uint slot, uint i) {
#if OPTIONAL_OPERANDS > 2
    if (slot == 2u)
        return words2[i];
    if (slot == 3u)
        return words3[i];
    if (slot == 4u)
        return words4[i];
    if (slot == 5u)
        return words5[i];
    if (slot == 6u)
        return words6[i];
    if (slot == 7u)
        return words7[i];
#endif
#if OPTIONAL_OPERANDS > 0
    if (slot == 1u)
        return words1[i];
    return words0[i];
#else
    return 0u;
#endif
}

vec4 optionalVector(uint slot, uint i) {
#if OPTIONAL_OPERANDS > 2
    if (slot == 2u)
        return vectors2[i];
    if (slot == 3u)
        return vectors3[i];
    if (slot == 4u)
        return vectors4[i];
    if (slot == 5u)
        return vectors5[i];
    if (slot == 6u)
        return vectors6[i];
    if (slot == 7u)
        return vectors7[i];
#endif
#if OPTIONAL_OPERANDS > 0
    if (slot == 1u)
        return vectors1[i];
    return vectors0[i];
#else
    return vec4(0);
#endif
}

float optionalFloat(uint slot, uint i) { return uintBitsToFloat(optionalWord(slot, i)); }

// Bytes are read through words, which needs no 8-bit storage.
bool optionalByte(uint slot, uint i) { return ((optionalWord(slot, i >> 2) >> ((i & 3u) * 8u)) & 255u) != 0u; }
