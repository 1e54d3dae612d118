// SPDX-License-Identifier: Apache-2.0
// Continuous position bias read from a table over a regular grid of coordinates (position_bias.comp), with linear
// interpolation.
//
// The includer declares: biasDims, tableQuads, tableSize, tableOrigin, tableScale, and vec4 biasVector(uint), float
// biasFloat(uint) over the table.
// Position of a coordinate between the nodes of one axis: the lower node, and how far behind it. Distances outside the
// table, which a key moved beyond the assumed range could give, read its edge.
float tablePosition(float u, float origin, float scale, uint size) {
    return clamp((u - origin) * scale, 0.0, float(size - 1u));
}

vec3 tablePositions(vec3 u) {
    return vec3(tablePosition(u.x, tableOrigin.x, tableScale.x, tableSize.x),
                biasDims > 1u ? tablePosition(u.y, tableOrigin.y, tableScale.y, tableSize.y) : 0.0,
                biasDims > 2u ? tablePosition(u.z, tableOrigin.z, tableScale.z, tableSize.z) : 0.0);
}

// Value at a fraction of the way to the next nodes along axes 0 and 1. As quads, an entry holds its node, the next along
// axis 0, the next along axis 1, and the next along both: one read instead of four for four times the memory.
float tablePlane(uint at, vec2 fraction) {
    vec4 corners;
    if (tableQuads)
        corners = biasVector(at);
    else
        corners = vec4(biasFloat(at), biasFloat(at + 1u), biasDims > 1u ? biasFloat(at + tableSize.x) : 0.0,
                       biasDims > 1u ? biasFloat(at + tableSize.x + 1u) : 0.0);
    vec2 line = biasDims > 1u ? corners.xy + fraction.y * (corners.zw - corners.xy) : corners.xy;
    return line.x + fraction.x * (line.y - line.x);
}

// Table: f32 (outputs, size 2, size 1, size 0), or vec4 of the same shape as quads. Axes in use have at least 2 nodes.
float tableBias(vec3 position, uint outputIndex) {
    uvec3 node = min(uvec3(position), max(tableSize.xyz, uvec3(2u)) - 2u);
    vec3 fraction = position - vec3(node);
    uint at = ((outputIndex * tableSize.z + node.z) * tableSize.y + node.y) * tableSize.x + node.x;
    float low = tablePlane(at, fraction.xy);
    if (biasDims < 3u)
        return low;
    return low + fraction.z * (tablePlane(at + tableSize.x * tableSize.y, fraction.xy) - low);
}
