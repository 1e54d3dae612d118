// SPDX-License-Identifier: Apache-2.0
// Nearest and bilinear interpolation with the index arithmetic of torch.nn.functional.interpolate. An invocation takes
// some channels of a pixel of the result.
// Grid: (flat index over pixels and channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const int chunk = 1;
layout(constant_id = 3) const bool bilinear = false;
layout(constant_id = 4) const bool alignCorners = false;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 1) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 2
#include "parameters/interpolate2d.h"
#include "map_item.glsl"
CHANNEL_LOADER(load, source, source4, sourceStrides.w)
CHANNEL_STORER(store, result, result4, resultStrides.w)

vec4 pixel(uint base, ivec2 at) { return load(base + uint(at.x) * sourceStrides.y + uint(at.y) * sourceStrides.z); }

void main() {
    const uint item = flatIndex();
    if (item >= items)
        return;
    const uvec4 at = mapItem(item, chunk);
    const vec2 position = vec2(at.yz), pitch = vec2(stepRows, stepColumns);
    const ivec2 last = ivec2(rows, columns) - 1;
    const uint base = mapPlace(sourceOffset, sourceStrides, uvec4(at.x, 0, 0, at.w));
    vec4 value;
    if (bilinear) {
        const vec2 from = alignCorners ? position * pitch : max((position + 0.5) * pitch - 0.5, vec2(0.0));
        const ivec2 low = min(ivec2(from), last), high = min(low + 1, last);
        const vec2 t = clamp(from - vec2(low), 0.0, 1.0);
        const vec4 above = pixel(base, low) * (1.0 - t.y) + pixel(base, ivec2(low.x, high.y)) * t.y;
        const vec4 below = pixel(base, ivec2(high.x, low.y)) * (1.0 - t.y) + pixel(base, high) * t.y;
        value = above * (1.0 - t.x) + below * t.x;
    } else {
        value = pixel(base, min(ivec2(position * pitch), last));
    }
    store(mapPlace(resultOffset, resultStrides, at), value);
}
