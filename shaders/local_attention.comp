// SPDX-License-Identifier: Apache-2.0
// Attention of each query to a window of keys around it, with a running softmax (FlashAttention, arXiv 2205.14135): see
// runtime/kernels/sparse_attention.hpp. A workgroup serves a tile of queries of one head, neighbours within their class
// (window.glsl).
//
// On a GPU every query walks its own window. Its channels are split over `lanesPerQuery` lanes; queries of a tile read
// much the same keys, from the cache. On CPU drivers lanes are queries and a workgroup is one subgroup: it walks what
// its queries see together, each lane reads one key of a step and the others get it from there (lane_broadcast.glsl).
//
// Grid: (flat index over tiles, its overflow, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"
#include "lane_broadcast.glsl"
#include "window.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint headDim = 64;
layout(constant_id = 2) const uint lanesPerQuery = 1; // lanes that share a query; divides the workgroup and keysPerStep
layout(constant_id = 3) const uint queriesPerLane = 1;  // queries of a lane; more than one only with LANE_BROADCAST
layout(constant_id = 4) const uint keysPerStep = 8;  // of a step; with LANE_BROADCAST the lanes
layout(constant_id = 5) const bool clamped = false; // border "neighborhood"
layout(constant_id = 6) const bool fourWide = false;

layout(std430, set = 0, binding = 0) readonly buffer Q { T q1[]; };
layout(std430, set = 0, binding = 0) readonly buffer Q4 { T4 q4[]; };
layout(std430, set = 0, binding = 1) readonly buffer K { T k1[]; };
layout(std430, set = 0, binding = 1) readonly buffer K4 { T4 k4[]; };
layout(std430, set = 0, binding = 2) readonly buffer V { T v1[]; };
layout(std430, set = 0, binding = 2) readonly buffer V4 { T4 v4[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Out { T out1[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Out4 { T4 out4[]; };

#define PARAMETER_BINDING 4
#include "parameters/local_attention.h"

const uint lanes = gl_WorkGroupSize.x;
const uint rowLanes = lanes / lanesPerQuery;
const uint vectors = (headDim + 3u) / 4u;
const uint ownVectors = (vectors + lanesPerQuery - 1u) / lanesPerQuery; // a lane's share: every lanesPerQuery-th
const uint ownKeys = keysPerStep / lanesPerQuery;                      // of a step, whose scores this lane completes
const uint exchangeStride = lanes + 1u;                         // odd, so that lanes of a query meet different banks
const float startMaximum = -3.402823466e38;

shared float partialScores[lanesPerQuery > 1u ? keysPerStep * exchangeStride : 1u];
shared float finishedScores[lanesPerQuery > 1u ? keysPerStep * rowLanes : 1u];

// Four channels; those behind the last are zero.
#define DEFINE_LOAD(load, one, four)                                                                                   \
    vec4 load(uint at, uint vector) {                                                                                  \
        if (fourWide)                                                                                                  \
            return vec4(four[at / 4u + vector]);                                                                       \
        vec4 result = vec4(0);                                                                                         \
        [[unroll]] for (uint i = 0; i < 4u; ++i) {                                                                     \
            uint channel = vector * 4u + i;                                                                            \
            float value = float(one[at + min(channel, headDim - 1u)]);                                                 \
            result[i] = channel < headDim ? value : 0.0;                                                               \
        }                                                                                                              \
        return result;                                                                                                 \
    }
DEFINE_LOAD(loadQ, q1, q4)
DEFINE_LOAD(loadK, k1, k4)
DEFINE_LOAD(loadV, v1, v4)

void storeOut(uint at, uint vector, vec4 value) {
    if (fourWide) {
        out4[at / 4u + vector] = stored4(value);
        return;
    }
    [[unroll]] for (uint i = 0; i < 4u; ++i)
        if (vector * 4u + i < headDim)
            out1[at + vector * 4u + i] = stored(value[i]);
}

uvec3 cellOf(uint index, uvec3 size) {
    return uvec3(index / (size.y * size.z), index / size.z % size.y, index % size.z);
}

// `cell` of a box of `size` plus `step`, a cell of that box too. Leaves the box at its end.
uvec3 advanced(uvec3 cell, uvec3 step, uvec3 size) {
    cell += step;
    if (cell.z >= size.z) {
        cell.z -= size.z;
        ++cell.y;
    }
    if (cell.y >= size.y) {
        cell.y -= size.y;
        ++cell.x;
    }
    return cell;
}

// What a workgroup works on: a tile of queries of one class, of one head.
struct Tile {
    uvec3 size;      // of the map
    uvec3 dilation;
    uvec3 residue;   // the class
    uvec3 places;    // of the class
    uvec3 base;      // the tile's first place
    uvec3 axisStride; // in tokens
    uint batch, head;
};

bool findTile(out Tile tile) {
    tile.size = sizes.xyz;
    tile.dilation = dilations.xyz;
    const uvec3 tilesOfClass = tiles.xyz;
    const uvec3 tilesOfAll = tilesOfClass * tile.dilation;
    const uint index = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uvec3 cell = cellOf(index, tilesOfAll);
    tile.residue = cell / tilesOfClass;
    tile.places = placesOfClass(tile.residue, tile.size, tile.dilation);
    tile.base = cell % tilesOfClass * tileSize.xyz;
    tile.axisStride = uvec3(tile.size.y * tile.size.z, tile.size.z, 1u);
    tile.batch = gl_WorkGroupID.z / heads;
    tile.head = gl_WorkGroupID.z % heads;
    return index < tilesOfAll.x * tilesOfAll.y * tilesOfAll.z &&
           !any(greaterThanEqual(tile.base, tile.places)); // classes differ by a place
}

uint rowOf(uvec4 view, Tile tile, uint token) {
    return view.x + tile.batch * view.y + tile.head * view.z + token * view.w;
}

uint tokenAt(Tile tile, uvec3 place) {
    uvec3 position = (tile.residue + place * tile.dilation) * tile.axisStride;
    return position.x + position.y + position.z;
}

// The queries of this lane, and what they have gathered so far.
Window own[queriesPerLane];
uint token[queriesPerLane];
bool exists[queriesPerLane];
vec4 q[queriesPerLane * ownVectors];
vec4 sums[queriesPerLane * ownVectors]; // of weighted values
float maximum[queriesPerLane];
float total[queriesPerLane]; // of weights

void loadQueries(Tile tile, uint rowLane, uint share) {
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        uvec3 place = tile.base + cellOf(r * rowLanes + rowLane, tileSize.xyz);
        exists[r] = all(lessThan(place, tile.places));
        place = min(place, tile.places - 1u);
        own[r] = seenFrom(place, place, tile.places, windows.xyz, clamped);
        token[r] = tokenAt(tile, place);
        uint at = rowOf(qView, tile, token[r]);
        [[unroll]] for (uint c = 0; c < ownVectors; ++c) {
            uint vector = c * lanesPerQuery + share;
            q[r * ownVectors + c] = vector < vectors ? loadQ(at, vector) * scale : vec4(0);
            sums[r * ownVectors + c] = vec4(0);
        }
        maximum[r] = startMaximum;
        total[r] = 0.0;
    }
}

// A step's keys: where they lie, and their cells relative to the walk's first. With lane broadcast this lane's key is
// that of its number, and each key has a cell; else all are its own.
uint kAt[keysPerStep], vAt[keysPerStep];
uint kMine, vMine;
float scores[queriesPerLane * keysPerStep];
bool seen[queriesPerLane * keysPerStep];

void scoreKeys(uint lane, uint rowLane, uint share) {
    [[unroll]] for (uint i = 0; i < queriesPerLane * keysPerStep; ++i)
        scores[i] = 0.0;
    [[unroll]] for (uint c = 0; c < ownVectors; ++c) {
        uint vector = min(c * lanesPerQuery + share, vectors - 1u); // behind the last, q is zero
        vec4 mine = laneBroadcast ? loadK(kMine, vector) : vec4(0);
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            vec4 k = laneBroadcast ? FROM_LANE(mine, j) : loadK(kAt[j], vector);
            [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                scores[r * keysPerStep + j] += dot(q[r * ownVectors + c], k);
        }
    }
    if (lanesPerQuery == 1u)
        return;
    [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
        partialScores[j * exchangeStride + lane] = scores[j];
    barrier();
    [[unroll]] for (uint i = 0; i < ownKeys; ++i) {
        uint j = i * lanesPerQuery + share;
        float score = 0.0;
        [[unroll]] for (uint s = 0; s < lanesPerQuery; ++s)
            score += partialScores[j * exchangeStride + rowLane * lanesPerQuery + s];
        finishedScores[j * rowLanes + rowLane] = score;
    }
    barrier();
    [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
        scores[j] = finishedScores[j * rowLanes + rowLane];
}

// Scores become weights; what was summed so far shrinks if the maximum grew.
void weighKeys() {
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        float highest = maximum[r];
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
            highest = seen[r * keysPerStep + j] ? max(highest, scores[r * keysPerStep + j]) : highest;
        float shrink = exp(maximum[r] - highest);
        maximum[r] = highest;
        total[r] *= shrink;
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            float weight = seen[r * keysPerStep + j] ? exp(scores[r * keysPerStep + j] - highest) : 0.0;
            scores[r * keysPerStep + j] = weight;
            total[r] += weight;
        }
        [[unroll]] for (uint c = 0; c < ownVectors; ++c)
            sums[r * ownVectors + c] *= shrink;
    }
}

// A key that is not seen adds nothing, whatever its value: 0 times a NaN would be one.
void addValues(uint share) {
    if (laneBroadcast) {
        [[unroll]] for (uint c = 0; c < ownVectors; ++c) {
            vec4 mine = loadV(vMine, c);
            [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
                vec4 v = FROM_LANE(mine, j);
                [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                    sums[r * ownVectors + c] +=
                        scores[r * keysPerStep + j] * (seen[r * keysPerStep + j] ? v : vec4(0));
            }
        }
        return;
    }
    [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
        if (seen[j])
            [[unroll]] for (uint c = 0; c < ownVectors; ++c)
                sums[c] += scores[j] * loadV(vAt[j], min(c * lanesPerQuery + share, vectors - 1u));
}

void storeQueries(Tile tile, uint share) {
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        if (!exists[r])
            continue;
        float inverse = 1.0 / total[r]; // every query sees itself
        uint at = rowOf(outView, tile, token[r]);
        [[unroll]] for (uint c = 0; c < ownVectors; ++c)
            if (c * lanesPerQuery + share < vectors)
                storeOut(at, c * lanesPerQuery + share, sums[r * ownVectors + c] * inverse);
    }
}

void main() {
    Tile tile;
    if (!findTile(tile))
        return;
    const uint lane = gl_LocalInvocationIndex;
    const uint share = lane % lanesPerQuery;
    const uint rowLane = lane / lanesPerQuery;
    loadQueries(tile, rowLane, share);

    // The walk over a box of keys, in cells relative to its first.
    Window walk = own[0];
    if (laneBroadcast)
        walk = seenFrom(tile.base, min(tile.base + tileSize.xyz, tile.places) - 1u, tile.places, windows.xyz, clamped);
    const uint count = walk.count.x * walk.count.y * walk.count.z;
    // All lanes make as many steps, for the barriers between them.
    const uvec3 widest = laneBroadcast ? walk.count : min(windows.xyz, tile.places);
    const uint end = widest.x * widest.y * widest.z;
    const uint kBase = rowOf(kView, tile, 0);
    const uint vBase = rowOf(vView, tile, 0);
    const uint firstToken = tokenAt(tile, walk.first);
    const uvec3 tokenStride = tile.dilation * tile.axisStride;
    const uvec3 cellStep = cellOf(laneBroadcast ? keysPerStep : 1u, walk.count);
    uvec3 cell = cellOf(laneBroadcast ? lane : 0u, walk.count);

    for (uint begin = 0; begin < end; begin += keysPerStep) {
        uvec3 cellMine = uvec3(0);
        [[unroll]] for (uint j = 0; j < (laneBroadcast ? 1u : keysPerStep); ++j) {
            uvec3 offset = min(cell, walk.count - 1u) * tokenStride;
            uint key = firstToken + offset.x + offset.y + offset.z;
            kAt[j] = kMine = kBase + key * kView.w;
            vAt[j] = vMine = vBase + key * vView.w;
            cellMine = cell;
            cell = advanced(cell, cellStep, walk.count);
        }
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            uvec3 place = walk.first;
            if (laneBroadcast)
                place += uvec3(FROM_LANE(cellMine.x, j), FROM_LANE(cellMine.y, j), FROM_LANE(cellMine.z, j));
            [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                seen[r * keysPerStep + j] = begin + j < count && (!laneBroadcast || isSeen(place, own[r]));
        }
        scoreKeys(lane, rowLane, share);
        weighKeys();
        addValues(share);
    }
    storeQueries(tile, share);
}
