// Fills a dense bias (heads, queries, keys) that depends on the relative place of query and key alone.
// distance: ALiBi, -slope[head] * |key - (query + keys - queries)|.
// lookup:   from a table with a row per relative place on a grid of up to three axes, (2 size - 1) places an axis.
// Grid: (flat index over head, query and key, its overflow, 1).
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool lookup = false;

layout(set = 0, binding = 0) readonly buffer Source { float source[]; }; // slopes (heads), or table (places, heads)
layout(set = 0, binding = 1) writeonly buffer Bias { float bias[]; };

layout(push_constant) uniform Push {
    uint heads, queries, keys;
    uint sizeZ, sizeY, sizeX; // lookup: the grid that queries and keys both cover
};

uvec3 cellOf(uint index) { return uvec3(index / (sizeX * sizeY), index / sizeX % sizeY, index % sizeX); }

void main() {
    const uint item = flatIndex();
    if (item >= heads * queries * keys)
        return;
    const uint key = item % keys, query = item / keys % queries, head = item / (keys * queries);
    if (lookup) {
        const uvec3 size = uvec3(sizeZ, sizeY, sizeX);
        const uvec3 place = cellOf(query) + size - 1 - cellOf(key); // query - key, from 0 on
        const uint row = (place.x * (2 * sizeY - 1) + place.y) * (2 * sizeX - 1) + place.z;
        bias[item] = source[row * heads + head];
    } else {
        bias[item] = -source[head] * float(abs(int(key) - int(query + keys - queries)));
    }
}
