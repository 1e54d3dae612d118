// SPDX-License-Identifier: Apache-2.0
// Pads any of six axes, as torch.nn.functional.pad. An invocation takes one element of the result, or four along the last
// axis where that one is not padded.
// Grid: (flat index over elements or vectors, its overflow, 1).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"
#include "division.glsl"

const int modeConstant = 0; // as enum class PadMode
const int modeReplicate = 1;
const int modeReflect = 2;
const int modeCircular = 3;

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const int axes = 1;
layout(constant_id = 2) const bool vectors = false;
layout(constant_id = 3) const int mode = modeConstant;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 1) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 2
#include "parameters/pad.h"

void main() {
    uint rest = flatIndex();
    if (rest >= items)
        return;
    uint from = sourceOffset, to = resultOffset;
    bool outside = false;
    [[unroll]] for (int axis = axes - 1; axis >= 0; --axis) {
        uint at = rest;
        if (axis > 0) {
            rest = quotient(rest, sizes[axis]);
            at -= rest * sizes[axis].x;
        }
        const uvec4 place = places[axis];
        const int size = int(place.w);
        int i = int(at) - int(place.z);
        if (i < 0 || i >= size) {
            if (mode == modeConstant)
                outside = true;
            else if (mode == modeReflect)
                i = i < 0 ? -i : 2 * (size - 1) - i;
            else if (mode == modeCircular)
                i += i < 0 ? size : -size;
            i = clamp(i, 0, size - 1);
        }
        from += uint(i) * place.x;
        to += at * place.y;
    }
    vec4 x = vec4(value);
    if (!outside)
        x = vectors ? vec4(source4[from >> 2]) : vec4(float(source[from]));
    if (vectors)
        result4[to >> 2] = stored4(x);
    else
        result[to] = stored(x.x);
}
