// SPDX-License-Identifier: Apache-2.0
// Merges the parts that attention.comp wrote when keys were split over workgroups, each with its own maximum and sum.
// Grid: (queries * vectors of four channels / lanes, 1, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint valueDim = 64;
layout(constant_id = 2) const bool vectorOut = true;

#define PARAMETER_BINDING 2
#include "parameters/attention_reduce.h"

layout(std430, set = 0, binding = 0) readonly buffer Parts { vec4 parts4[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Out { T out1[]; };
layout(std430, set = 0, binding = 1) writeonly buffer Out4 { T4 out4[]; };

const uint vectors = (valueDim + 3u) / 4u;
const float startMaximum = -1.7014117331926443e38; // as attention_modifiers.glsl has them
const float poisonedScore = 3.4028234663852886e38;

void main() {
    uint item = gl_GlobalInvocationID.x;
    if (item >= queries * vectors)
        return;
    uint query = item / vectors;
    uint vector = item % vectors;
    uint row = gl_WorkGroupID.z * queries + query;
    float maximum = -3.4028234663852886e38;
    for (uint p = 0; p < parts; ++p)
        maximum = max(maximum, parts4[(row * parts + p) * (vectors + 1u) + vectors].x);
    float total = 0.0;
    vec4 sums = vec4(0);
    for (uint p = 0; p < parts; ++p) {
        uint at = (row * parts + p) * (vectors + 1u);
        vec2 statistic = parts4[at + vectors].xy;
        float weight = exp(statistic.x - maximum);
        total += weight * statistic.y;
        // Of a part that saw no key where others did, infinite values must not count.
        if (statistic.x > startMaximum || maximum <= startMaximum)
            sums += weight * parts4[at + vector];
    }
    sums *= withNan(total > 0.0 ? 1.0 / total : 0.0, maximum >= poisonedScore);
    uint batch = gl_WorkGroupID.z / heads;
    uint head = gl_WorkGroupID.z % heads;
    uint at = outView.x + batch * outView.y + head * outView.z + query * outView.w;
    if (vectorOut) {
        out4[at / 4u + vector] = stored4(sums);
    } else {
        [[unroll]] for (uint i = 0; i < 4u; ++i)
            if (vector * 4u + i < valueDim)
                out1[at + vector * 4u + i] = stored(sums[i]);
    }
}
