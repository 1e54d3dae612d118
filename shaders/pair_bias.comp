// SPDX-License-Identifier: Apache-2.0
// Fills a dense bias (heads, queries, keys) that depends on the relative place of query and key alone.
// distance: ALiBi, -slope[head] * |key - (query + keys - queries)|.
// lookup:   from a table with a row per relative place on a grid of up to four axes, (2 size - 1) places an axis.
// Grid: (flat index over head, query and key, its overflow, 1).
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool lookup = false;

layout(set = 0, binding = 0) readonly buffer Source { float source[]; }; // slopes (heads), or table (places, heads)
layout(set = 0, binding = 1) writeonly buffer Bias { float bias[]; };

#define PARAMETER_BINDING 2
#include "parameters/pair_bias.h"

uvec4 cellOf(uint index) {
    const uint slice = size.w * size.z;
    return uvec4(index / (slice * size.y), index / slice % size.y, index / size.w % size.z, index % size.w);
}

void main() {
    const uint item = flatIndex();
    if (item >= heads * queries * keys)
        return;
    const uint key = item % keys, query = item / keys % queries, head = item / (keys * queries);
    if (lookup) {
        const uvec4 count = 2 * size - 1;
        const uvec4 place = cellOf(query) + size - 1 - cellOf(key); // query - key, from 0 on
        const uint row = ((place.x * count.y + place.y) * count.z + place.z) * count.w + place.w;
        bias[item] = source[row * heads + head];
    } else {
        bias[item] = -source[head] * float(abs(int(key) - int(query + keys - queries)));
    }
}
