// SPDX-License-Identifier: Apache-2.0
// How a raw score becomes the one that enters the softmax: which keys a tile of queries visits, which pairs see each
// other and what is added. Shared by the attention kernels, so that the score matrix shown is the one used.
vec4 biasVector(uint i) { return optionalVector(positionBiasSlot, i); }
float biasFloat(uint i) { return optionalFloat(positionBiasSlot, i); }
#include "position_bias.glsl"
#include "exact_bias.glsl"
#include "bias_table.glsl"
#include "narrowed.glsl"

// Hidden scores stand for -FLT_MAX. A running maximum that starts at half of it makes their weight exp(-1.7e38) = 0
// without a test; scores from -1.5e38 down to -inf (an added mask of -inf or -FLT_MAX) count as hidden.
const float hiddenScore = -3.4028234663852886e38;
const float startMaximum = -1.7014117331926443e38;
bool isHidden(float score) { return floatBitsToUint(score) - 0xfee1b1e6u <= 0xff800000u - 0xfee1b1e6u; }

// A softmax with a score of NaN or +inf is NaN throughout, as in PyTorch. Within it such a score stands at FLT_MAX, so
// that no maximum, comparison or exponential meets NaN; where the maximum has become FLT_MAX, the result is NaN.
const float poisonedScore = 3.4028234663852886e38;
float softmaxScore(float score) { return isFinite(score) ? score : poisonedScore; }

// Of the head that a workgroup computes; set by beginHead().
uint batch, head;
uint keyEnd; // keys that there are
int causalShift, staticMaskShift;
uint positionRow; // of the group's first key
uint biasOutput;  // of the position bias network
float slope;      // ALiBi

void beginHead() {
    batch = gl_WorkGroupID.z / heads;
    head = gl_WorkGroupID.z % heads;
    keyEnd = keys;
    causalShift = causalOffset;
    staticMaskShift = staticMaskOffset;
    if (hasLengths) {
        uint at = lengthsPerBatch ? batch << (wideLengths ? 1 : 0) : 0u;
        int length = int(optionalWord(lengthsSlot, at));
        if (wideLengths)
            length = narrowed(length, int(optionalWord(lengthsSlot, at + 1u)));
        if (keysFromLength) {
            length = clamp(length, 0, int(keys) - keysPlus);
            keyEnd = uint(length + keysPlus);
        }
        if (causalFromLength)
            causalShift += length;
        if (causalAtLengthZero && length != 0)
            causalShift = int(keys);
        if (staticMaskFromLength)
            staticMaskShift += length;
    }
    if (biasMode != 0u) {
        positionRow = (batch * (heads / headsPerGroup) + head / headsPerGroup) * keys;
        biasOutput = head % headsPerGroup;
    }
    slope = hasAlibi ? optionalFloat(slopesSlot, head) : 0.0;
}

// Walk order: the order in which queries fill tiles and keys fill steps. It is the order of tokens, but for column
// attention, where image tokens are walked column by column so that a tile shares its columns.
uint walkToken(uint walk) {
    if (!columnOrder || walk < textLength)
        return walk;
    uint cell = walk - textLength;
    return textLength + (cell % imageSize) * imageSize + cell / imageSize;
}

// Length of the walk over `count` tokens; with columnOrder some places hold no token.
uint walkLength(uint count) { return columnOrder ? textLength + imageSize * imageSize : count; }

// (Along the row, row) of an image token in walk order.
ivec2 imageCell(uint walk) {
    return textAndImage ? ivec2((walk - textLength) % imageSize, (walk - textLength) / imageSize) : ivec2(0);
}

// The keys a tile of queries visits, in walk order: [0, firstEnd), then [secondBegin, secondEnd). A place among them is
// numbered through, so that they split evenly over workgroups.
struct KeyRange {
    uint firstEnd;
    uint secondBegin;
    uint secondEnd;
};

KeyRange visitedKeys(uint firstRow, uint lastRow) {
    KeyRange range = KeyRange(keyEnd, 0u, 0u);
    if (isCausal)
        range.firstEnd = uint(clamp(int(lastRow) + causalShift + 1, 0, int(keyEnd)));
    if (textAndImage) {
        range.firstEnd = min(lastRow < textLength ? lastRow + 1u : textLength, keyEnd);
        if (lastRow >= textLength) {
            uint row = (max(firstRow, textLength) - textLength) / imageSize;
            if (pattern == patternConvWindow)
                row -= min(row, (windowSize - 1u) * windowDilation);
            range.secondBegin = textLength + row * imageSize;
            range.secondEnd = max(min(lastRow + 1u, walkLength(keyEnd)), range.secondBegin);
        }
    }
    return range;
}

uint placeCount(KeyRange range) { return range.firstEnd + range.secondEnd - range.secondBegin; }

uint walkOfPlace(KeyRange range, uint place) {
    if (!textAndImage)
        return place;
    return place < range.firstEnd ? place : place - range.firstEnd + range.secondBegin;
}

// The first place from `place` on whose step has a block that the layout shows to some query of the tile.
uint nextVisibleStep(uint place, uint end, uint firstRow, uint lastRow) {
    if (pattern != patternBlocks)
        return place;
    uint base = (layoutPerHead ? head : 0u) * layoutRows;
    bool any = false;
    while (place < end && !any) {
        uint lastKey = min(place + keysPerStep, end) - 1u;
        for (uint i = firstRow / blockSize; i <= lastRow / blockSize; ++i)
            for (uint j = place / blockSize; j <= lastKey / blockSize; ++j)
                any = any || optionalByte(layoutSlot, (base + i) * layoutColumns + j);
        place += any ? 0u : keysPerStep;
    }
    return place;
}

struct QueryRow {
    uint token;
    bool isText;     // text and image: the query is text
    ivec2 cell;      // text and image
    vec3 position;   // normalised, per channel
    uint denseBias;  // index of its first element
    uint staticMask;
    uint layoutRow;
    int lastKey;     // causal
    int alibiToken;
};

float gridPosition(uint token, uint channel) {
    return 2.0 * float((token / gridStride[channel]) % gridSize[channel]) / divisor[channel] - 1.0;
}

QueryRow queryRow(uint walk) {
    QueryRow row;
    uint token = min(walkToken(walk), queries - 1u);
    row.token = token;
    row.isText = walk < textLength;
    row.cell = imageCell(walk);
    row.position = vec3(0);
    if (biasMode != 0u)
        row.position = vec3(gridPosition(token, 0u), biasDims > 1u ? gridPosition(token, 1u) : 0.0,
                            biasDims > 2u ? gridPosition(token, 2u) : 0.0);
    row.denseBias = denseBiasOffset + batch * denseBiasStrides.x + head * denseBiasStrides.y +
                    token * denseBiasStrides.z;
    row.staticMask = batch * staticMaskStrides.x + head * staticMaskStrides.y +
                     uint(int(token) + staticMaskShift) * staticMaskStrides.z;
    row.layoutRow = pattern == patternBlocks
                        ? ((layoutPerHead ? head : 0u) * layoutRows + token / blockSize) * layoutColumns
                        : 0u;
    row.lastKey = int(token) + causalShift;
    row.alibiToken = int(token) + int(keyEnd) - int(queries);
    return row;
}

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

// `walk` may lie behind the last key: the key then does not exist and stands on the last one, so that it can be read.
Key attentionKey(uint walk, bool inRange) {
    Key key;
    uint token = walkToken(walk);
    key.token = min(token, keyEnd - 1u);
    key.cell = imageCell(walk);
    bool kept = true;
    if (hasKeyMask && key.token >= leadingKeys && (!textAndImage || walk < textLength))
        kept = optionalByte(keyMaskSlot, batch * keyMaskStride + key.token - leadingKeys);
    key.position = vec3(0);
    if (biasMode != 0u) {
        uint at = (positionRow + key.token) * biasDims;
        key.position.x = optionalFloat(positionsSlot, at);
        if (biasDims > 1u)
            key.position.y = optionalFloat(positionsSlot, at + 1u);
        if (biasDims > 2u)
            key.position.z = optionalFloat(positionsSlot, at + 2u);
    }
    bool placed = biasMode == 0u || (isFinite(key.position.x) && isFinite(key.position.y) && isFinite(key.position.z));
    key.flags = (inRange && token < keyEnd ? keyExists : 0u) | (kept ? keyKept : 0u) | (placed ? keyPlaced : 0u);
    return key;
}

// Text sees the text before it, an image token all text that is kept and, of the image, what its pattern shows.
bool seesAcrossText(QueryRow row, Key key, uint walk) {
    bool keyIsText = walk < textLength;
    if (row.isText)
        return keyIsText && key.token <= row.token;
    if (keyIsText)
        return hasFlag(key, keyKept);
    ivec2 behind = row.cell - key.cell;
    if (pattern != patternConvWindow)
        return behind.x >= 0 && behind.y == 0;
    int reach = int((windowSize - 1u) * windowDilation);
    return behind.x >= 0 && behind.y >= 0 && behind.x <= reach && behind.y <= reach &&
           behind.x % int(windowDilation) == 0 && behind.y % int(windowDilation) == 0;
}

bool keyVisible(QueryRow row, Key key, uint walk) {
    bool visible = hasFlag(key, keyExists) && (textAndImage ? seesAcrossText(row, key, walk) : hasFlag(key, keyKept));
    if (pattern == patternBlocks)
        visible = visible && optionalByte(layoutSlot, row.layoutRow + key.token / blockSize);
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
float biasedScore(float score, QueryRow row, Key key, uint walk, float positionBias) {
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

float modifiedScore(float score, QueryRow row, Key key, uint walk, float positionBias) {
    if (hasSoftcap && softcapFirst)
        score = cappedScore(score);
    score = biasedScore(score, row, key, walk, positionBias);
    if (hasSoftcap && !softcapFirst)
        score = isHidden(score) ? score : cappedScore(score);
    return score;
}
