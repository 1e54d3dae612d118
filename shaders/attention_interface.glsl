// What attention.comp and attention_scores.comp share: specialization constants, push constants, the optional operands
// and how to read them. Filled by runtime/kernels/attention.cpp, which names the same fields.
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint headDim = 64;
layout(constant_id = 2) const uint valueDim = 64;
layout(constant_id = 3) const uint rowCount = 1;   // queries per lane
layout(constant_id = 4) const uint laneSplit = 1;  // lanes that share the channels of one query
layout(constant_id = 5) const uint keyCount = 8;   // keys per step of the running softmax
layout(constant_id = 6) const uint stagedKeys = 0; // keys per tile in shared memory; 0: read keys where they lie
layout(constant_id = 7) const uint features = 0;
layout(constant_id = 8) const uint slots = 0;      // four bits per optional operand: its place among the bindings
layout(constant_id = 9) const uint heads = 1;
layout(constant_id = 10) const uint headsPerKv = 1;
layout(constant_id = 11) const uint pattern = 0;
layout(constant_id = 12) const uint patternA = 0;  // blocks: block size;   text and image: text length
layout(constant_id = 13) const uint patternB = 1;  // blocks: query blocks; text and image: image size
layout(constant_id = 14) const uint patternC = 1;  // blocks: key blocks;   convWindow: size | dilation << 16
layout(constant_id = 15) const uint leadingKeys = 0;
layout(constant_id = 16) const uint denseBiasOffset = 0;
layout(constant_id = 17) const uint biasMode = 0;
layout(constant_id = 18) const uint biasDims = 2;
layout(constant_id = 19) const uint headsPerGroup = 1;
layout(constant_id = 20) const uint mlpWidth = 1;
layout(constant_id = 21) const uint gridSize0 = 1;
layout(constant_id = 22) const uint gridSize1 = 1;
layout(constant_id = 23) const uint gridSize2 = 1;
layout(constant_id = 24) const uint gridStride0 = 1;
layout(constant_id = 25) const uint gridStride1 = 1;
layout(constant_id = 26) const uint gridStride2 = 1;
layout(constant_id = 27) const float divisor0 = 1;
layout(constant_id = 28) const float divisor1 = 1;
layout(constant_id = 29) const float divisor2 = 1;
layout(constant_id = 30) const uint tableSize0 = 1;
layout(constant_id = 31) const uint tableSize1 = 1;
layout(constant_id = 32) const uint tableSize2 = 1;
layout(constant_id = 33) const float tableOrigin0 = 0;
layout(constant_id = 34) const float tableOrigin1 = 0;
layout(constant_id = 35) const float tableOrigin2 = 0;
layout(constant_id = 36) const float tableScale0 = 1; // 1 / step
layout(constant_id = 37) const float tableScale1 = 1;
layout(constant_id = 38) const float tableScale2 = 1;
layout(constant_id = 39) const uint mlpPairs = 4; // pairs whose bias is evaluated together

const bool vectorQk = (features & (1u << 0)) != 0u; // four channels per load
const bool vectorVo = (features & (1u << 1)) != 0u;
const bool writesParts = (features & (1u << 2)) != 0u;
const bool averagesEmpty = (features & (1u << 3)) != 0u;
const bool logDistance = (features & (1u << 4)) != 0u;
const bool hasDenseBias = (features & (1u << 5)) != 0u;
const bool hasAlibi = (features & (1u << 6)) != 0u;
const bool hasSoftcap = (features & (1u << 7)) != 0u;
const bool softcapFirst = (features & (1u << 8)) != 0u;
const bool isCausal = (features & (1u << 9)) != 0u;
const bool hasKeyMask = (features & (1u << 10)) != 0u;
const bool hasStaticMask = (features & (1u << 11)) != 0u;
const bool layoutPerHead = (features & (1u << 12)) != 0u;
const bool hasLengths = (features & (1u << 13)) != 0u;
const bool lengthsPerBatch = (features & (1u << 14)) != 0u;
const bool keysFromLength = (features & (1u << 15)) != 0u;
const bool causalFromLength = (features & (1u << 16)) != 0u;
const bool staticMaskFromLength = (features & (1u << 17)) != 0u;
const bool causalAtLengthZero = (features & (1u << 18)) != 0u;
const bool wideLengths = (features & (1u << 19)) != 0u;
const bool tableQuads = (features & (1u << 20)) != 0u;

const uint patternBlocks = 1u;
const uint patternConvWindow = 2u;
const uint patternAxialColumn = 4u;
const bool textAndImage = pattern >= patternConvWindow;
const bool columnOrder = pattern == patternAxialColumn;

// Whether some queries may see keys that others do not, or a key be there that none sees.
const bool mayHide = hasDenseBias || isCausal || hasKeyMask || hasStaticMask || pattern != 0u;

const uint biasExact = 1u;
const uint biasTable = 2u;

const uint positionsSlot = slots & 15u;
const uint positionBiasSlot = (slots >> 4) & 15u;
const uint denseBiasSlot = (slots >> 8) & 15u;
const uint slopesSlot = (slots >> 12) & 15u;
const uint keyMaskSlot = (slots >> 16) & 15u;
const uint staticMaskSlot = (slots >> 20) & 15u;
const uint layoutSlot = (slots >> 24) & 15u;
const uint lengthsSlot = (slots >> 28) & 15u;

layout(push_constant) uniform Push {
    uvec4 qView; // offset, batch stride, head stride, token stride
    uvec4 kView;
    uvec4 vView;
    uvec4 outView;
    uint queries;
    uint keys;
    float scale;
    float softcap;
    int causalOffset;
    int keysPlus;
    int staticMaskOffset;
    uint keyMaskStride;
    uvec4 denseBiasStrides; // batch, head, query, key
    uvec4 staticMaskStrides;
};

// Optional operands lie in the bindings after the fixed ones, as many as the variant has (OPTIONAL_OPERANDS), in any
// order: `slots` says which is where, and the choice folds away when the pipeline is made.
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
