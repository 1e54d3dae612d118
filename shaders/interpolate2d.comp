// SPDX-License-Identifier: Apache-2.0
// Nearest and bilinear interpolation with the index arithmetic of torch.nn.functional.interpolate. An invocation takes a
// channel, or four, of a pixel of the result.
// Grid: (flat index over pixels and channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const bool bilinear = false;
layout(constant_id = 3) const bool alignCorners = false;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 1) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 2
#include "parameters/interpolate2d.h"
#include "map_item.glsl"

vec4 load(uint base, ivec2 at) {
    const uint place = base + uint(at.x) * sourceStrides.y + uint(at.y) * sourceStrides.z;
    return vectors ? vec4(source4[place >> 2]) : vec4(float(source[place]));
}

void main() {
    const uint item = flatIndex();
    if (item >= items)
        return;
    const uvec4 at = mapItem(item, vectors ? 4 : 1);
    const vec2 position = vec2(at.yz), pitch = vec2(stepRows, stepColumns);
    const ivec2 last = ivec2(rows, columns) - 1;
    const uint base = mapPlace(sourceOffset, sourceStrides, uvec4(at.x, 0, 0, at.w));
    vec4 value;
    if (bilinear) {
        const vec2 from = alignCorners ? position * pitch : max((position + 0.5) * pitch - 0.5, vec2(0.0));
        const ivec2 low = min(ivec2(from), last), high = min(low + 1, last);
        const vec2 t = clamp(from - vec2(low), 0.0, 1.0);
        const vec4 above = load(base, low) * (1.0 - t.y) + load(base, ivec2(low.x, high.y)) * t.y;
        const vec4 below = load(base, ivec2(high.x, low.y)) * (1.0 - t.y) + load(base, high) * t.y;
        value = above * (1.0 - t.x) + below * t.x;
    } else {
        value = load(base, min(ivec2(position * pitch), last));
    }
    const uint target = mapPlace(resultOffset, resultStrides, at);
    if (vectors)
        result4[target >> 2] = stored4(value);
    else
        result[target] = stored(value.x);
}
