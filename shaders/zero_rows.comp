// SPDX-License-Identifier: Apache-2.0
// Writes zeros over the tokens that a mask of bytes names; the others are not touched.
// Grid: (flat index over token and vector or channel, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;

layout(set = 0, binding = 0) readonly buffer Mask { uint mask[]; }; // bytes (batch, tokens), non-zero: zero the row
layout(set = 0, binding = 1) writeonly buffer Rows { T rows1[]; };
layout(set = 0, binding = 1) writeonly buffer Rows4 { T4 rows4[]; };

#define PARAMETER_BINDING 2
#include "parameters/zero_rows.h"

void main() {
    const uint item = flatIndex();
    if (item >= tokens * width)
        return;
    const uint row = gl_WorkGroupID.z * tokens + item / width;
    if ((mask[row >> 2] >> 8u * (row & 3u) & 0xffu) == 0u)
        return;
    const uint at = gl_WorkGroupID.z * tokens * width + item;
    if (vectors)
        rows4[at] = T4(vec4(0.0));
    else
        rows1[at] = T(0.0);
}
