// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(AttentionParameters)
    uvec4 qView, kView, vView, outView; // offset and strides of batch, head and token
    uvec4 denseBiasStrides;             // of batch, head, query and key, as the next
    uvec4 staticMaskStrides;
    uvec4 gridSize, gridStride; // position bias: cells of the query grid by channel; w is not used, as in all four
    vec4 divisor;
    uvec4 tableSize;
    vec4 tableOrigin, tableScale; // 1 / distance of nodes
    uint queries, keys;
    uint heads, headsPerKv, headsPerGroup;
    float scale, softcap;
    int causalOffset;
    uint leadingKeys;
    int keysPlus;
    uint keyMaskStride;
    int staticMaskOffset;
    uint denseBiasOffset;
    uint blockSize, layoutRows, layoutColumns; // blocks: the layout's queries and keys, in blocks
    uint textLength, imageSize;                // text and image
    uint windowSize, windowDilation;           // convWindow
    uint shownStage;                           // attention_scores.comp: as enum class AttentionStage
    float shownHidden;                         // what it shows of a hidden pair before the softmax
END_PARAMETERS
