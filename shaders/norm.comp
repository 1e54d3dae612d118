// SPDX-License-Identifier: Apache-2.0
// Normalises rows: LayerNorm, or division by the Euclidean length. One workgroup per row where rows are long, one
// invocation where they are short: `lanes` invocations share a row.
// Grid: (flat index over groups of rows, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint lanes = 32;     // that share a row; divides the workgroup
layout(constant_id = 2) const uint rowsPerGroup = 2; // workgroup / lanes
layout(constant_id = 3) const bool centred = true; // LayerNorm; else l2
layout(constant_id = 4) const bool hasScale = true;
layout(constant_id = 5) const bool hasShift = true;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 2) readonly buffer Scale { float scale[]; };
layout(set = 0, binding = 3) readonly buffer Shift { float shift[]; };

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

void main() {
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint lane = gl_LocalInvocationIndex % lanes;
    // Rows past the last repeat it and write nothing, so that every invocation reaches the barriers.
    const uint wanted = group * rowsPerGroup + gl_LocalInvocationIndex / lanes;
    const uint row = min(wanted, tokens * heads - 1);
    const uint batch = gl_WorkGroupID.z, token = row / heads, head = row % heads;
    const uint from = sourceView.x + batch * sourceView.y + head * sourceView.z + token * sourceView.w;
    const uint to = resultView.x + batch * resultView.y + head * resultView.z + token * resultView.w;

    float mean = 0.0;
    if (centred) {
        for (uint i = lane; i < width; i += lanes)
            mean += float(source[from + i]);
        mean = sumOverRow(mean) / float(width);
    }
    // The second pass over the differences loses nothing to cancellation.
    float squares = 0.0;
    for (uint i = lane; i < width; i += lanes) {
        const float d = float(source[from + i]) - mean;
        squares += d * d;
    }
    squares = sumOverRow(squares);
    const float factor =
        centred ? inversesqrt(squares / float(width) + epsilon) : 1.0 / max(sqrt(squares), epsilon);
    if (wanted >= tokens * heads)
        return;
    for (uint i = lane; i < width; i += lanes) {
        float value = (float(source[from + i]) - mean) * factor;
        if (hasScale)
            value *= scale[i];
        if (hasShift)
            value += shift[i];
        result[to + i] = stored(value);
    }
}
