// How a raw score becomes the one that enters the softmax: which pairs see each other and what is added. Shared by
// attention.comp and attention_scores.comp, so that the score matrix shown is the one used.
vec4 biasVector(uint i) { return optionalVector(positionBiasSlot, i); }
float biasFloat(uint i) { return optionalFloat(positionBiasSlot, i); }
#include "position_bias.glsl"

// Hidden scores stand for -FLT_MAX. A running maximum that starts at half of it makes their weight exp(-1.7e38) = 0
// without a test; scores from -1.5e38 down to -inf (an added mask of -inf or -FLT_MAX) count as hidden.
const float hiddenScore = -3.4028234663852886e38;
const float startMaximum = -1.7014117331926443e38;
bool isHidden(float score) { return floatBitsToUint(score) - 0xfee1b1e6u <= 0xff800000u - 0xfee1b1e6u; }

// A softmax with a score of NaN or +inf is NaN throughout, as in PyTorch. Within it such a score stands at FLT_MAX, so
// that no maximum, comparison or exponential meets NaN; where the maximum has become FLT_MAX, the result is NaN.
const float poisonedScore = 3.4028234663852886e38;
float softmaxScore(float score) { return isFinite(score) ? score : poisonedScore; }

#include "narrowed.glsl"

// Sizes and offsets that may come from memory.
struct Extent {
    uint keys;
    int causalOffset;
    int staticMaskOffset;
};

Extent attentionExtent(uint batch) {
    Extent extent = Extent(keys, causalOffset, staticMaskOffset);
    if (hasLengths) {
        uint at = lengthsPerBatch ? batch << (wideLengths ? 1 : 0) : 0u;
        int length = int(optionalWord(lengthsSlot, at));
        if (wideLengths)
            length = narrowed(length, int(optionalWord(lengthsSlot, at + 1u)));
        if (keysFromLength) {
            length = clamp(length, 0, int(keys) - keysPlus);
            extent.keys = uint(length + keysPlus);
        }
        if (causalFromLength)
            extent.causalOffset += length;
        if (causalAtLengthZero && length != 0)
            extent.causalOffset = int(keys);
        if (staticMaskFromLength)
            extent.staticMaskOffset += length;
    }
    return extent;
}

// Walk order: the order in which queries fill tiles and keys fill steps. It is the order of tokens, but for column
// attention, where image tokens are walked column by column so that a tile shares its columns.
uint walkToken(uint walk) {
    if (!columnOrder || walk < patternA)
        return walk;
    uint cell = walk - patternA;
    return patternA + (cell % patternB) * patternB + cell / patternB;
}

// Length of the walk over `count` tokens; with columnOrder some places hold no token.
uint walkLength(uint count) { return columnOrder ? patternA + patternB * patternB : count; }

struct QueryRow {
    uint token;
    bool isText;     // text and image: the query is text
    ivec2 cell;      // text and image: (along the row, row) in walk order
    vec3 position;   // normalised, per channel
    uint denseBias;  // index of its first element
    uint staticMask;
    uint layoutRow;
    int lastKey;     // causal
    int alibiToken;
};

const uint keyExists = 1u;
const uint keyKept = 2u;   // by the key mask
const uint keyPlaced = 4u; // its position is finite

struct Key {
    uint token;
    uint flags;
    ivec2 cell;
    vec3 position;
};

bool hasFlag(Key key, uint flag) { return (key.flags & flag) != 0u; }

float gridPosition(uint token, uint stride, uint size, float divisor) {
    return 2.0 * float((token / stride) % size) / divisor - 1.0;
}

QueryRow queryRow(uint walk, uint batch, uint head, Extent extent) {
    QueryRow row;
    uint token = min(walkToken(walk), queries - 1u);
    row.token = token;
    row.isText = walk < patternA;
    row.cell = textAndImage ? ivec2((walk - patternA) % patternB, (walk - patternA) / patternB) : ivec2(0);
    row.position = vec3(0);
    if (biasMode != 0u) {
        row.position.x = gridPosition(token, gridStride0, gridSize0, divisor0);
        if (biasDims > 1u)
            row.position.y = gridPosition(token, gridStride1, gridSize1, divisor1);
        if (biasDims > 2u)
            row.position.z = gridPosition(token, gridStride2, gridSize2, divisor2);
    }
    row.denseBias = denseBiasOffset + batch * denseBiasStrides.x + head * denseBiasStrides.y +
                    token * denseBiasStrides.z;
    row.staticMask = batch * staticMaskStrides.x + head * staticMaskStrides.y +
                     uint(int(token) + extent.staticMaskOffset) * staticMaskStrides.z;
    row.layoutRow = ((layoutPerHead ? head : 0u) * patternB + token / max(patternA, 1u)) * patternC;
    row.lastKey = int(token) + extent.causalOffset;
    row.alibiToken = int(token) + int(extent.keys) - int(queries);
    return row;
}

// `walk` may lie behind the last key: the key then does not exist and stands on the last one, so that it can be read.
Key attentionKey(uint walk, bool inRange, uint batch, uint head, Extent extent) {
    Key key;
    uint token = walkToken(walk);
    key.token = min(token, extent.keys - 1u);
    bool kept = true;
    key.cell = textAndImage ? ivec2((walk - patternA) % patternB, (walk - patternA) / patternB) : ivec2(0);
    if (hasKeyMask && key.token >= leadingKeys && (!textAndImage || walk < patternA))
        kept = optionalByte(keyMaskSlot, batch * keyMaskStride + key.token - leadingKeys);
    key.position = vec3(0);
    if (biasMode != 0u) {
        uint group = batch * (heads / headsPerGroup) + head / headsPerGroup;
        uint at = (group * keys + key.token) * biasDims;
        key.position.x = optionalFloat(positionsSlot, at);
        if (biasDims > 1u)
            key.position.y = optionalFloat(positionsSlot, at + 1u);
        if (biasDims > 2u)
            key.position.z = optionalFloat(positionsSlot, at + 2u);
    }
    bool placed = biasMode == 0u || (isFinite(key.position.x) && isFinite(key.position.y) && isFinite(key.position.z));
    key.flags = (inRange && token < extent.keys ? keyExists : 0u) | (kept ? keyKept : 0u) | (placed ? keyPlaced : 0u);
    return key;
}

bool keyVisible(QueryRow row, Key key, uint walk) {
    bool visible = hasFlag(key, keyExists);
    if (textAndImage) {
        bool keyIsText = walk < patternA;
        ivec2 behind = row.cell - key.cell;
        bool near = behind.x >= 0 && behind.y == 0;
        if (pattern == patternConvWindow) {
            int size = int(patternC & 0xffffu);
            int dilation = int(patternC >> 16);
            near = behind.x >= 0 && behind.y >= 0 && behind.x <= (size - 1) * dilation &&
                   behind.y <= (size - 1) * dilation && behind.x % dilation == 0 && behind.y % dilation == 0;
        }
        bool fromText = keyIsText && key.token <= row.token;
        bool fromImage = keyIsText ? hasFlag(key, keyKept) : near;
        visible = visible && (row.isText ? fromText : fromImage);
    } else {
        visible = visible && hasFlag(key, keyKept);
    }
    if (pattern == patternBlocks)
        visible = visible && optionalByte(layoutSlot, row.layoutRow + key.token / patternA);
    if (hasStaticMask)
        visible = visible && optionalByte(staticMaskSlot, row.staticMask + key.token * staticMaskStrides.w);
    if (isCausal)
        visible = visible && int(key.token) <= row.lastKey;
    return visible;
}

float cappedScore(float score) {
    return withNan(softcap * tanh(clamp(score / softcap, -20.0, 20.0)), isNan(score));
}

// Bias and masks, in this order; hidden pairs become hiddenScore. The bias of a key without a finite position is NaN.
float biasedScore(float score, QueryRow row, Key key, uint walk, float positionBias, float slope) {
    bool visible = keyVisible(row, key, walk);
    if (biasMode != 0u)
        score = withNan(score + positionBias, !hasFlag(key, keyPlaced));
    if (hasDenseBias && key.token >= leadingKeys) {
        float added = optionalFloat(denseBiasSlot, row.denseBias + (key.token - leadingKeys) * denseBiasStrides.w);
        visible = visible && !isHidden(added); // also where the score is infinite or NaN
        score += added;
    }
    if (hasAlibi)
        score -= slope * float(abs(int(key.token) - row.alibiToken));
    return visible && !isHidden(score) ? score : hiddenScore;
}

float modifiedScore(float score, QueryRow row, Key key, uint walk, float positionBias, float slope) {
    if (hasSoftcap && softcapFirst)
        score = cappedScore(score);
    score = biasedScore(score, row, key, walk, positionBias, slope);
    if (hasSoftcap && !softcapFirst)
        score = isHidden(score) ? score : cappedScore(score);
    return score;
}
