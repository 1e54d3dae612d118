// SPDX-License-Identifier: Apache-2.0
// Second pass of dynamic sparse attention: the softmax over the keys whose score is at least the bound that
// dynamic_select.comp found, times their values. Nothing of the other keys' values is read.
//
// Grid: (tiles of queries, 1, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#define PARAMETER_BINDING 5
#include "dynamic_scores.glsl"

layout(std430, set = 0, binding = 2) readonly buffer V { T v1[]; };
layout(std430, set = 0, binding = 2) readonly buffer V4 { T4 v4[]; };
layout(std430, set = 0, binding = 3) readonly buffer Bounds { uvec2 bounds[]; }; // codes: least to keep, highest
layout(std430, set = 0, binding = 4) writeonly buffer Out { T out1[]; };
layout(std430, set = 0, binding = 4) writeonly buffer Out4 { T4 out4[]; };

const uint shares = lanes / queriesPerGroup; // lanes that share the channels of a query's sum
const uint ownVectors = (vectors + shares - 1u) / shares;

vec4 loadV(uint at, uint vector) {
    if (fourWide)
        return vec4(v4[at / 4u + vector]);
    vec4 value = vec4(0);
    [[unroll]] for (uint i = 0; i < 4u; ++i)
        if (vector * 4u + i < headDim)
            value[i] = float(v1[at + vector * 4u + i]);
    return value;
}

void storeOut(uint at, uint vector, vec4 value) {
    if (fourWide) {
        out4[at / 4u + vector] = stored4(value);
        return;
    }
    [[unroll]] for (uint i = 0; i < 4u; ++i)
        if (vector * 4u + i < headDim)
            out1[at + vector * 4u + i] = stored(value[i]);
}

void main() {
    uint share = gl_LocalInvocationIndex / queriesPerGroup;
    uint vBase = vView.x + batchIndex() * vView.y + headIndex() * vView.z;
    uvec2 codes = bounds[gl_WorkGroupID.z * tokens + ownToken()];
    // A NaN among the scores makes the row NaN, and so does an infinite maximum, whose softmax PyTorch gives as NaN.
    bool isNan = codes.y >= codeOfInfinity || codes.y <= ~codeOfInfinity;
    float maximum = codeScore(codes.y);
    float total = 0.0;
    vec4 sums[ownVectors];
    [[unroll]] for (uint c = 0; c < ownVectors; ++c)
        sums[c] = vec4(0);

    beginScores();
    uint first = 0u, highest = 0u;
    while (first < tokens) {
        uint keys = 0u, tile;
        do {
            tile = first;
            scoreTile(first);
            keys = isNan ? 0u : keysBetween(codes.x, codeOfNan, first, highest);
            first += keysPerStep;
        } while (!isWanted(keys) && first < tokens);
        while (keys != 0u) {
            uint j = uint(findLSB(keys));
            keys &= keys - 1u;
            float weight = exp(ownScore(j) - maximum);
            total += weight;
            uint at = vBase + (tile + j) * vView.w;
            [[unroll]] for (uint c = 0; c < ownVectors; ++c) // behind the last vector the sum is not stored
                sums[c] += weight * loadV(at, min(c * shares + share, vectors - 1u));
        }
    }

    if (firstToken() + ownRow() >= tokens)
        return;
    float inverse = isNan ? uintBitsToFloat(0x7fc00000u) : 1.0 / total;
    uint at = outView.x + batchIndex() * outView.y + headIndex() * outView.z + ownToken() * outView.w;
    [[unroll]] for (uint c = 0; c < ownVectors; ++c)
        if (c * shares + share < vectors)
            storeOut(at, c * shares + share, sums[c] * inverse);
}
