// SPDX-License-Identifier: Apache-2.0
// Writes the continuous position bias of deformable attention: a table over a regular grid of coordinates (every node
// evaluated by the code that attention.comp runs when it uses no table), or the dense bias of every query and key.
// Grid: table: (nodes / (lanes * mlpPairs), 1, outputs); dense: (queries * keys / (lanes * mlpPairs), 1, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "lane_broadcast.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool dense = false;
layout(constant_id = 2) const uint biasDims = 2;
layout(constant_id = 3) const uint mlpWidth = 1;
layout(constant_id = 4) const uint mlpPairs = 4;
layout(constant_id = 5) const bool logDistance = true;
layout(constant_id = 6) const bool tableQuads = false;
layout(constant_id = 7) const bool queriesGiven = false; // dense: their positions, instead of a grid

#define PARAMETER_BINDING 4
#include "parameters/position_bias.h"

layout(std430, set = 0, binding = 0) readonly buffer Weights { float weights[]; };
layout(std430, set = 0, binding = 0) readonly buffer Weights4 { vec4 weights4[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Bias { float bias[]; };
layout(std430, set = 0, binding = 2) readonly buffer Positions { float positions[]; };
layout(std430, set = 0, binding = 3) readonly buffer Queries { float queryPositions[]; };

vec4 biasVector(uint i) { return weights4[i]; }
float biasFloat(uint i) { return weights[i]; }
#include "position_bias.glsl"
#include "exact_bias.glsl"

// A node stands for a coordinate, taken as it is; a pair for a distance, which biasCoordinates turns into one.
vec3 nodeCoordinate(uint node) {
    uvec3 at = uvec3(node % size.x, node / size.x % size.y, node / (size.x * size.y));
    return tableOrigin.xyz + vec3(at) * step.xyz;
}

vec3 pairCoordinate(uint pair, uint group) {
    uint query = pair / keys;
    uint key = pair % keys;
    vec3 position = vec3(0);
    [[unroll]] for (uint c = 0; c < biasDims; ++c) {
        float from = queriesGiven ? queryPositions[query * biasDims + c]
                                  : 2.0 * float(query / gridStride[c] % size[c]) / step[c] - 1.0;
        position[c] = from - positions[(group * keys + key) * biasDims + c];
    }
    return biasCoordinates(position);
}

// A node is a corner of up to four quads: its own and those that begin one node before along either axis.
void storeCorners(uint node, uint base, float value) {
    bool notFirst0 = node % size.x > 0u;
    bool notFirst1 = node / size.x % size.y > 0u;
    uint at = base + node;
    bias[at * 4u] = value;
    if (notFirst0)
        bias[(at - 1u) * 4u + 1u] = value;
    if (notFirst1)
        bias[(at - size.x) * 4u + 2u] = value;
    if (notFirst0 && notFirst1)
        bias[(at - size.x - 1u) * 4u + 3u] = value;
}

void main() {
    uint count = dense ? queries * keys : size.x * size.y * size.z;
    uint first = gl_WorkGroupID.x * gl_WorkGroupSize.x * mlpPairs + gl_LocalInvocationID.x;
    uint outputIndex = gl_WorkGroupID.z % headsPerGroup;
    uint batch = dense ? gl_WorkGroupID.z / heads : 0u;
    uint group = batch * (heads / headsPerGroup) + (gl_WorkGroupID.z - batch * heads) / headsPerGroup;
    vec3 u[mlpPairs];
    float result[mlpPairs];
    [[unroll]] for (uint p = 0; p < mlpPairs; ++p) {
        uint item = min(first + p * gl_WorkGroupSize.x, count - 1u);
        u[p] = dense ? pairCoordinate(item, group) : nodeCoordinate(item);
    }
    exactBias(u, outputIndex, result);
    [[unroll]] for (uint p = 0; p < mlpPairs; ++p) {
        uint item = first + p * gl_WorkGroupSize.x;
        if (item < count && !tableQuads)
            bias[gl_WorkGroupID.z * count + item] = result[p];
        if (item < count && tableQuads)
            storeCorners(item, gl_WorkGroupID.z * count, result[p]);
    }
}
