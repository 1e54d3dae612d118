// SPDX-License-Identifier: Apache-2.0
// The continuous position bias of every query and key, along rows of queries. For one key the network (position_bias.glsl)
// is piecewise affine in a query's position: the second layer's sums are a + b . u, and a and b change only where a unit
// of the first layer changes sign, by a column of the second layer's weights. Neighbouring queries differ by less than
// one such unit on average, so a pair costs a few operations for each unit instead of a matrix product.
//
// A walker, walkLanes lanes of a subgroup, has the units spread over its lanes and one key, and walks rowsPerWalk rows
// there and back, so that each query lies next to the one before.
//
// Grid: (flat index over walkers' lanes, its overflow, batch * groups * headsPerGroup / walkHeads).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "floats.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint biasDims = 2;
layout(constant_id = 2) const uint mlpWidth = 8;
layout(constant_id = 3) const bool logDistance = true;
layout(constant_id = 4) const uint walkLanes = 8; // a power of two, at most 32
layout(constant_id = 5) const uint walkHeads = 1; // outputs of the network at a time
layout(constant_id = 6) const uint alongRow = 0;  // the channel that changes along a row

#define PARAMETER_BINDING 3
#include "parameters/position_bias_walk.h"

layout(std430, set = 0, binding = 0) readonly buffer Weights { float weights[]; };
layout(std430, set = 0, binding = 0) readonly buffer Weights4 { vec4 weights4[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Bias { float bias[]; };
layout(std430, set = 0, binding = 2) readonly buffer Positions { float positions[]; };

#include "position_bias.glsl"

const uint quads = mlpPadded / 4u;                         // of units
const uint ownQuads = (quads + walkLanes - 1u) / walkLanes; // quad t of a lane is quad t * walkLanes + lane

// First lane of this walker in its subgroup, and its own place behind it.
const bool alone = walkLanes == gl_WorkGroupSize.x;
uint walkerLane() { return alone ? 0u : gl_SubgroupInvocationID & ~(walkLanes - 1u); }
uint ownLane() { return gl_SubgroupInvocationID & (walkLanes - 1u); }

uint walkerBallot(bool value) {
    if (alone) {
        uint bits = value ? 1u << gl_SubgroupInvocationID : 0u;
        [[unroll]] for (uint step = 1u; step < walkLanes; step *= 2u)
            bits |= subgroupShuffle(bits, gl_SubgroupInvocationID ^ step);
        return bits;
    }
    const uvec4 all = subgroupBallot(value);
    const uint first = walkerLane();
    return (all[first / 32u] >> (first & 31u)) & (walkLanes == 32u ? ~0u : (1u << walkLanes) - 1u);
}

float fromLane(float value, uint lane) { return subgroupShuffle(value, walkerLane() + lane); }
uint fromLane(uint value, uint lane) { return subgroupShuffle(value, walkerLane() + lane); }

float sumOverWalker(float value) {
    if (alone) {
        [[unroll]] for (uint step = 1u; step < walkLanes; step *= 2u)
            value += subgroupShuffle(value, gl_SubgroupInvocationID ^ step);
        return value;
    }
    [[unroll]] for (uint step = 1u; step < walkLanes; step *= 2u)
        value += subgroupShuffleXor(value, step);
    return value;
}

vec4 first[3u * ownQuads]; // the first layer's weights of own units, [channel][quad]
vec4 firstBias[ownQuads];
vec4 last[walkHeads * ownQuads];

// The second layer's sums of own units at a point, but for what the channel along the row adds, and how they change with
// each channel, by the units of the first layer that are on.
vec4 sums[ownQuads];
vec4 slope[3u * ownQuads];
uint on; // own units of the first layer, a bit each

void loadUnits(uint firstOutput) {
    [[unroll]] for (uint t = 0; t < ownQuads; ++t) {
        const uint quad = t * walkLanes + ownLane();
        const bool exists = quad < quads;
        [[unroll]] for (uint c = 0; c < 4u; ++c) {
            const vec4 unit = exists ? weights4[quad * 4u + c] : vec4(0);
            first[t][c] = unit.x;
            first[ownQuads + t][c] = unit.y;
            first[2u * ownQuads + t][c] = unit.z;
            firstBias[t][c] = unit.w;
        }
        sums[t] = exists ? weights4[mlpSecondBias + quad] : vec4(0);
        [[unroll]] for (uint c = 0; c < 3u; ++c)
            slope[c * ownQuads + t] = vec4(0);
        [[unroll]] for (uint h = 0; h < walkHeads; ++h)
            last[h * ownQuads + t] = exists ? weights4[mlpLast + (firstOutput + h) * quads + quad] : vec4(0);
    }
    on = 0u;
}

// Own units that are on at a point. Written so that NaN is on.
uint unitsOn(vec4 atRow[ownQuads], float u) {
    uint bits = 0u;
    [[unroll]] for (uint t = 0; t < ownQuads; ++t) {
        const vec4 hidden = atRow[t] + first[alongRow * ownQuads + t] * u;
        [[unroll]] for (uint c = 0; c < 4u; ++c)
            bits |= hidden[c] <= 0.0 ? 0u : 1u << (4u * t + c);
    }
    return bits;
}

// Adds or takes away what the units contribute that changed, one after another.
void flip(uint changed, vec3 u) {
    for (uint lanes = walkerBallot(changed != 0u); lanes != 0u; lanes = walkerBallot(changed != 0u)) {
        const uint lane = uint(findLSB(lanes));
        const uint bit = uint(findLSB(fromLane(changed, lane)));
        const float sign = (fromLane(on, lane) >> bit & 1u) != 0u ? 1.0 : -1.0;
        const uint unit = (bit / 4u * walkLanes + lane) * 4u + bit % 4u;
        const vec4 weight = sign * weights4[unit];
        float atRow = weight.w;
        [[unroll]] for (uint c = 0; c < biasDims; ++c)
            if (c != alongRow)
                atRow += weight[c] * u[c];
        [[unroll]] for (uint t = 0; t < ownQuads; ++t) {
            const vec4 column = weights4[mlpSecond + unit * quads + min(t * walkLanes + ownLane(), quads - 1u)];
            sums[t] += atRow * column;
            [[unroll]] for (uint c = 0; c < biasDims; ++c)
                slope[c * ownQuads + t] += weight[c] * column;
        }
        if (ownLane() == lane)
            changed &= changed - 1u;
    }
}

float coordinateOf(uint query, uint c, vec3 key) {
    return biasCoordinate(2.0 * float(query / gridStride[c] % size[c]) / divisor[c] - 1.0 - key[c]);
}

void main() {
    const uint walker = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * (gl_WorkGroupSize.x / walkLanes) +
                        (alone ? 0u : gl_SubgroupID * (gl_SubgroupSize / walkLanes) + gl_SubgroupInvocationID / walkLanes);
    const uint walks = (rows + rowsPerWalk - 1u) / rowsPerWalk;
    if (walker >= keys * walks)
        return;
    const uint key = walker % keys;
    const uint chunks = headsPerGroup / walkHeads;
    const uint group = gl_WorkGroupID.z / chunks; // of the whole batch
    const uint firstOutput = gl_WorkGroupID.z % chunks * walkHeads;

    vec3 position = vec3(0);
    bool placed = true;
    [[unroll]] for (uint c = 0; c < biasDims; ++c) {
        position[c] = positions[(group * keys + key) * biasDims + c];
        placed = placed && isFinite(position[c]);
    }
    if (!placed) // its biases are NaN; the walk sees only numbers
        position = vec3(0);
    loadUnits(firstOutput);

    const uint begin = walker / keys * rowsPerWalk, end = min(begin + rowsPerWalk, rows);
    vec3 u = vec3(0);
    for (uint row = begin; row < end; ++row) {
        const uint rowStart = row * rowLength; // of the block
        const uint length = min(rowLength, queries - rowStart);
        vec4 atRow[ownQuads];
        [[unroll]] for (uint t = 0; t < ownQuads; ++t)
            atRow[t] = firstBias[t];
        [[unroll]] for (uint c = 0; c < biasDims; ++c)
            if (c != alongRow) {
                const float before = u[c];
                u[c] = coordinateOf(firstQuery + rowStart, c, position);
                [[unroll]] for (uint t = 0; t < ownQuads; ++t) {
                    atRow[t] += first[c * ownQuads + t] * u[c];
                    sums[t] += slope[c * ownQuads + t] * (u[c] - before);
                }
            }
        const bool back = (row - begin) % 2u != 0u;
        for (uint from = 0; from < length; from += walkLanes) {
            const uint place = min(from + ownLane(), length - 1u);
            const uint query = rowStart + (back ? length - 1u - place : place);
            const float ownU = coordinateOf(firstQuery + query, alongRow, position);
            float result[walkHeads];
            [[unroll]] for (uint h = 0; h < walkHeads; ++h)
                result[h] = 0.0;
            const uint count = min(walkLanes, length - from);
            for (uint i = 0; i < count; ++i) {
                u[alongRow] = fromLane(ownU, i);
                const uint now = unitsOn(atRow, u[alongRow]);
                const uint changed = now ^ on;
                on = now;
                flip(changed, u);
                [[unroll]] for (uint h = 0; h < walkHeads; ++h) {
                    float sum = 0.0;
                    [[unroll]] for (uint t = 0; t < ownQuads; ++t)
                        sum += dot(max(sums[t] + slope[alongRow * ownQuads + t] * u[alongRow], vec4(0)),
                                   last[h * ownQuads + t]);
                    sum = sumOverWalker(sum);
                    result[h] = ownLane() == i ? sum : result[h];
                }
            }
            if (from + ownLane() < length)
                [[unroll]] for (uint h = 0; h < walkHeads; ++h) {
                    const uint outputIndex = firstOutput + h;
                    const float added = weights[(mlpLast + headsPerGroup * quads) * 4u + outputIndex];
                    bias[((group * headsPerGroup + outputIndex) * keys + key) * queries + query] =
                        withNan(result[h] + added, !placed);
                }
        }
    }
}
