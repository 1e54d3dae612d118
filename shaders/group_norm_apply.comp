// SPDX-License-Identifier: Apache-2.0
// Last of group norm: activation((x - mean) * factor + shift). An invocation takes a channel, or four, of several tokens.
// Grid: (flat index over runs of tokens and their channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"
#include "activation.glsl"
#include "division.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const uint run = 4; // tokens of an invocation
layout(constant_id = 3) const bool hasShift = true;
layout(constant_id = 4) const int activation = activationNone;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) readonly buffer Coefficients { float coefficients[]; };
layout(set = 0, binding = 1) readonly buffer Coefficients4 { vec4 coefficients4[]; };
layout(set = 0, binding = 2) readonly buffer Shift { float shift[]; };
layout(set = 0, binding = 2) readonly buffer Shift4 { vec4 shift4[]; };
layout(set = 0, binding = 3) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 3) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 4
#include "parameters/group_norm.h"

void main() {
    const uint item = flatIndex();
    const uint block = quotient(item, divisorWidth), at = item - block * width;
    if (block * run >= tokens)
        return;
    const uint batch = gl_WorkGroupID.z;
    const uint means = batch * 2 * width + at;
    vec4 mean, factor, offset = vec4(0.0);
    if (vectors) {
        mean = coefficients4[means];
        factor = coefficients4[means + width];
        if (hasShift)
            offset = shift4[at];
    } else {
        mean = vec4(coefficients[means]);
        factor = vec4(coefficients[means + width]);
        if (hasShift)
            offset = vec4(shift[at]);
    }
    const uint channel = at * (vectors ? 4 : 1);
    const uint end = min((block + 1) * run, tokens);
    for (uint token = block * run; token < end; ++token) {
        const uint from = sourceOffset + batch * sourceBatchStride + token * sourceStride + channel;
        const uint to = resultOffset + batch * resultBatchStride + token * resultStride + channel;
        vec4 value = vectors ? vec4(source4[from >> 2]) : vec4(float(source[from]));
        value = (value - mean) * factor + offset;
        if (activation != activationNone)
            value = activate4(activation, value, activationA, activationB);
        if (vectors)
            result4[to >> 2] = stored4(value);
        else
            result[to] = stored(value.x);
    }
}
