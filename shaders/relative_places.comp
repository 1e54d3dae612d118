// SPDX-License-Identifier: Apache-2.0
// The relative places of a grid, one row each: (2 size - 1) an axis, from -(size - 1) to size - 1, last axis fastest.
// Grid: (flat index over places, its overflow, 1).
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const uint dims = 2;
layout(constant_id = 2) const bool logDistance = true; // sign(p) log(|p| + 1), else p

layout(set = 0, binding = 0) writeonly buffer Places { float places[]; }; // (places, dims)

#define PARAMETER_BINDING 1
#include "parameters/relative_places.h"

void main() {
    const uint row = flatIndex();
    const uvec4 count = 2 * size - 1;
    if (row >= count.x * count.y * count.z * count.w)
        return;
    const uint slice = count.w * count.z;
    const uvec4 cell = uvec4(row / (slice * count.y), row / slice % count.y, row / count.w % count.z, row % count.w);
    const vec4 place = vec4(ivec4(cell) - ivec4(size) + 1);
    for (uint axis = 0; axis < dims; ++axis) {
        const float p = place[4 - dims + axis];
        places[row * dims + axis] = logDistance ? sign(p) * log(abs(p) + 1.0) : p;
    }
}
