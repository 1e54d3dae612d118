// SPDX-License-Identifier: Apache-2.0
// Scores of dynamic sparse attention, tile by tile: what dynamic_select.comp and dynamic_attention.comp share. Both find
// a score by the one function here, with the same operations in the same order, so that a score that was chosen as the
// least to keep compares equal to itself later. Filled by runtime/kernels/sparse_attention.cpp.
//
// A workgroup scores `queriesPerGroup` queries against `keysPerStep` keys at a time. On a GPU each lane finds a block of the tile
// from channels staged in shared memory, and leaves it there for the lane that owns the query. On CPU drivers lanes are
// queries and hand each other the keys (lane_broadcast.glsl).
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"
#include "lane_broadcast.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint headDim = 64;
layout(constant_id = 2) const uint queriesPerGroup = 32; // queries of a workgroup; divides the lanes
layout(constant_id = 3) const uint keysPerStep = 32; // keys of a tile, at most 32
layout(constant_id = 4) const uint queriesPerLane = 4;  // a lane's block of a tile
layout(constant_id = 5) const uint keysPerLane = 4;
layout(constant_id = 6) const bool fourWide = false; // four channels per load

#include "parameters/dynamic_attention.h"

layout(std430, set = 0, binding = 0) readonly buffer Q { T q1[]; };
layout(std430, set = 0, binding = 0) readonly buffer Q4 { T4 q4[]; };
layout(std430, set = 0, binding = 1) readonly buffer K { T k1[]; };
layout(std430, set = 0, binding = 1) readonly buffer K4 { T4 k4[]; };

const uint lanes = gl_WorkGroupSize.x;
const uint vectors = (headDim + 3u) / 4u; // of four channels
const uint chunk = 4u;                    // vectors staged at a time
const uint chunkStride = chunk + 1u;      // keeps lanes on different banks, as does the stride of scores
const uint scoreStride = queriesPerGroup + 8u;
const uint rowLanes = queriesPerGroup / queriesPerLane;

shared vec4 stagedQ[laneBroadcast ? 1u : queriesPerGroup * chunkStride];
shared vec4 stagedK[laneBroadcast ? 1u : keysPerStep * chunkStride];
shared float tileScores[laneBroadcast ? 1u : keysPerStep * scoreStride];
// Where lanes are queries: a lane's row of the tile, and its query, unless that has so many channels that code unrolled
// over all of them would take a CPU driver seconds to compile.
const bool keepsQuery = laneBroadcast && vectors <= 32u;
const uint laneChunk = keepsQuery ? vectors : 8u;
float blockScores[queriesPerLane * keysPerLane];
vec4 ownQuery[keepsQuery ? vectors : 1u];

vec4 loadQ(uint at, uint vector) {
    if (fourWide)
        return vec4(q4[at / 4u + vector]);
    vec4 value = vec4(0);
    [[unroll]] for (uint i = 0; i < 4u; ++i)
        if (vector * 4u + i < headDim)
            value[i] = float(q1[at + vector * 4u + i]);
    return value;
}

vec4 loadK(uint at, uint vector) {
    if (fourWide)
        return vec4(k4[at / 4u + vector]);
    vec4 value = vec4(0);
    [[unroll]] for (uint i = 0; i < 4u; ++i)
        if (vector * 4u + i < headDim)
            value[i] = float(k1[at + vector * 4u + i]);
    return value;
}

uint batchIndex() { return gl_WorkGroupID.z / heads; }
uint headIndex() { return gl_WorkGroupID.z % heads; }
uint firstToken() { return gl_WorkGroupID.x * queriesPerGroup; }
// The query whose scores this lane reads. Places behind the last query repeat it.
uint ownRow() { return gl_LocalInvocationIndex % queriesPerGroup; }
uint ownToken() { return min(firstToken() + ownRow(), tokens - 1u); }

uint queryPlace(uint token) { return qView.x + batchIndex() * qView.y + headIndex() * qView.z + token * qView.w; }

void beginScores() {
    if (keepsQuery)
        [[unroll]] for (uint c = 0; c < vectors; ++c)
            ownQuery[c] = loadQ(queryPlace(ownToken()), c);
}

// Scores of the tile that begins at key `first`. Keys behind the last repeat it. Reached by all lanes.
void scoreTile(uint first) {
    uint lane = gl_LocalInvocationIndex;
    uint kBase = kView.x + batchIndex() * kView.y + headIndex() * kView.z;
    uint kOwn = kBase + min(first + lane, tokens - 1u) * kView.w;
    uint blockRow = lane % rowLanes, blockKey = lane / rowLanes;
    const uint keyLanes = keysPerStep / keysPerLane;

    precise float sums[queriesPerLane * keysPerLane];
    [[unroll]] for (uint i = 0; i < queriesPerLane * keysPerLane; ++i)
        sums[i] = 0.0;
    if (laneBroadcast) {
        uint qOwn = queryPlace(ownToken());
        for (uint begin = 0; begin < vectors; begin += laneChunk)
            [[unroll]] for (uint c = 0; c < laneChunk; ++c) {
                bool exists = keepsQuery || begin + c < vectors;
                vec4 mine = exists ? loadK(kOwn, begin + c) : vec4(0);
                vec4 q = keepsQuery ? ownQuery[c] : exists ? loadQ(qOwn, begin + c) : vec4(0);
                [[unroll]] for (uint j = 0; j < keysPerLane; ++j) {
                    vec4 k = FROM_LANE(mine, j);
                    [[unroll]] for (uint i = 0; i < 4u; ++i)
                        sums[j] = fma(q[i], k[i], sums[j]);
                }
            }
    } else {
        for (uint begin = 0; begin < vectors; begin += chunk) {
            barrier();
            for (uint i = lane; i < (queriesPerGroup + keysPerStep) * chunk; i += lanes) {
                uint place = i / chunk, c = i % chunk;
                bool isQuery = place < queriesPerGroup;
                place -= isQuery ? 0u : queriesPerGroup;
                vec4 value = vec4(0);
                if (begin + c < vectors)
                    value = isQuery ? loadQ(queryPlace(min(firstToken() + place, tokens - 1u)), begin + c)
                                    : loadK(kBase + min(first + place, tokens - 1u) * kView.w, begin + c);
                if (isQuery)
                    stagedQ[place * chunkStride + c] = value;
                else
                    stagedK[place * chunkStride + c] = value;
            }
            barrier();
            [[unroll]] for (uint c = 0; c < chunk; ++c) {
                vec4 q[queriesPerLane], k[keysPerLane];
                [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                    q[r] = stagedQ[(blockRow + r * rowLanes) * chunkStride + c];
                [[unroll]] for (uint j = 0; j < keysPerLane; ++j)
                    k[j] = stagedK[(blockKey + j * keyLanes) * chunkStride + c];
                [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                    [[unroll]] for (uint j = 0; j < keysPerLane; ++j)
                        [[unroll]] for (uint i = 0; i < 4u; ++i)
                            sums[r * keysPerLane + j] = fma(q[r][i], k[j][i], sums[r * keysPerLane + j]);
            }
        }
    }
    precise float score;
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
        [[unroll]] for (uint j = 0; j < keysPerLane; ++j) {
            score = sums[r * keysPerLane + j] * scale;
            if (laneBroadcast)
                blockScores[j] = score;
            else
                tileScores[(blockKey + j * keyLanes) * scoreStride + blockRow + r * rowLanes] = score;
        }
    if (!laneBroadcast)
        barrier();
}

// Score of the lane's query and key j of the tile.
float ownScore(uint j) {
    if (!laneBroadcast)
        return tileScores[j * scoreStride + ownRow()];
    float score = blockScores[0];
    [[unroll]] for (uint i = 1; i < keysPerLane; ++i)
        score = i == j ? blockScores[i] : score;
    return score;
}

// Numbers that are in the order of the scores. -0 and 0 have one, any NaN has the highest, 0 is below all.
const uint codeOfInfinity = 0xff800000u;
const uint codeOfNan = 0xffffffffu;

uint scoreCode(float score) {
    uint bits = floatBitsToUint(score);
    uint magnitude = bits & 0x7fffffffu;
    uint code = bits != magnitude && magnitude != 0u ? ~bits : magnitude | 0x80000000u;
    return magnitude > 0x7f800000u ? codeOfNan : code;
}

float codeScore(uint code) { return uintBitsToFloat(code >= 0x80000000u ? code & 0x7fffffffu : ~code); }

// Which keys of the tile, one bit each, have codes from low to high. Raises `highest` to the highest code met.
uint keysBetween(uint low, uint high, uint first, inout uint highest) {
    uint found = 0u;
    [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
        uint code = first + j < tokens ? scoreCode(laneBroadcast ? blockScores[j] : ownScore(j)) : 0u;
        highest = max(highest, code);
        found |= code >= low && code <= high ? 1u << j : 0u;
    }
    return found;
}

// Whether a tile is to be looked into. CPU drivers run the body of a branch or loop that no lane takes, so there all
// lanes agree first to pass over what none of them wants.
bool isWanted(uint keys) {
    if (laneBroadcast)
        [[unroll]] for (uint step = 1; step < keysPerStep; step *= 2u)
            keys |= FROM_LANE(keys, gl_LocalInvocationIndex ^ step);
    else
        keys = 1u;
    return keys != 0u;
}
