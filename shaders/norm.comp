// SPDX-License-Identifier: Apache-2.0
// Normalises rows: LayerNorm, RMSNorm, or division by the Euclidean length. One workgroup per row where rows are long,
// one invocation where they are short: `lanes` invocations share a row, four channels at a time where they can.
// Grid: (flat index over groups of rows, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint lanes = 32;     // that share a row; divides the workgroup
layout(constant_id = 2) const uint rowsPerGroup = 2; // workgroup / lanes
layout(constant_id = 3) const int kind = 0; // as enum class NormKind
layout(constant_id = 4) const bool hasScale = true;
layout(constant_id = 5) const bool hasShift = true;
layout(constant_id = 6) const bool vectors = false;

const int kindLayer = 0;
const int kindL2 = 1;
const int kindRms = 2;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 1) writeonly buffer Result4 { T4 result4[]; };
layout(set = 0, binding = 2) readonly buffer Scale { float scale[]; };
layout(set = 0, binding = 2) readonly buffer Scale4 { vec4 scale4[]; };
layout(set = 0, binding = 3) readonly buffer Shift { float shift[]; };
layout(set = 0, binding = 3) readonly buffer Shift4 { vec4 shift4[]; };

#define PARAMETER_BINDING 4
#include "parameters/norm.h"

shared float partial[rowsPerGroup * lanes];

// The sum of `value` over the invocations of a row.
float sumOverRow(float value) {
    if (lanes == 1)
        return value;
    barrier(); // earlier reads of `partial` are over
    partial[gl_LocalInvocationIndex] = value;
    barrier();
    const uint first = gl_LocalInvocationIndex / lanes * lanes;
    float sum = 0.0;
    for (uint i = 0; i < lanes; ++i)
        sum += partial[first + i];
    return sum;
}

// Step i of the row that begins at `place`: a channel, or four.
vec4 load(uint place, uint i) {
    if (vectors)
        return vec4(source4[(place >> 2) + i]);
    return vec4(float(source[place + i]), 0.0, 0.0, 0.0);
}

float sumOf(vec4 x) { return vectors ? x.x + x.y + (x.z + x.w) : x.x; }

void main() {
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint lane = gl_LocalInvocationIndex % lanes;
    // Rows past the last repeat it and write nothing, so that every invocation reaches the barriers.
    const uint wanted = group * rowsPerGroup + gl_LocalInvocationIndex / lanes;
    const uint row = min(wanted, tokens * heads - 1);
    const uint batch = gl_WorkGroupID.z, token = row / heads, head = row % heads;
    const uint from = sourceView.x + batch * sourceView.y + head * sourceView.z + token * sourceView.w;
    const uint to = resultView.x + batch * resultView.y + head * resultView.z + token * resultView.w;

    const uint steps = vectors ? width / 4 : width;
    float mean = 0.0;
    if (kind == kindLayer) {
        vec4 sum = vec4(0.0);
        for (uint i = lane; i < steps; i += lanes)
            sum += load(from, i);
        mean = sumOverRow(sumOf(sum)) / float(width);
    }
    // The second pass over the differences loses nothing to cancellation.
    vec4 sum = vec4(0.0);
    for (uint i = lane; i < steps; i += lanes) {
        const vec4 d = load(from, i) - mean;
        sum += d * d;
    }
    const float squares = sumOverRow(sumOf(sum));
    const float factor =
        kind == kindL2 ? 1.0 / max(sqrt(squares), epsilon) : inversesqrt(squares / float(width) + epsilon);
    if (wanted >= tokens * heads)
        return;
    for (uint i = lane; i < steps; i += lanes) {
        vec4 value = (load(from, i) - mean) * factor;
        if (hasScale)
            value *= vectors ? scale4[i] : vec4(scale[i]);
        if (hasShift)
            value += vectors ? shift4[i] : vec4(shift[i]);
        if (vectors)
            result4[(to >> 2) + i] = stored4(value);
        else
            result[to + i] = stored(value.x);
    }
}
