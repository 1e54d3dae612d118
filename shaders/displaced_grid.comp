// SPDX-License-Identifier: Apache-2.0
// The sampling grid of displaced pixels: every pixel's own place plus an offset per head, normalised so that -1 and 1
// are the centres of the end pixels.
// Grid: (flat index over head and pixel, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool swapped = false; // rows are taken for x, columns for y

layout(set = 0, binding = 0) readonly buffer Offsets { T offsets[]; }; // (batch, (dx, dy), head, pixel), in pixels
layout(set = 0, binding = 1) writeonly buffer Grid { vec2 grid[]; };   // (batch, head, pixel)

#define PARAMETER_BINDING 2
#include "parameters/displaced_grid.h"

void main() {
    const uint pixels = width * height;
    const uint item = flatIndex();
    if (item >= heads * pixels)
        return;
    const uint pixel = item % pixels;
    const vec2 place = vec2(pixel % width, pixel / width);
    const uint x = gl_WorkGroupID.z * 2u * heads * pixels + item;
    const vec2 offset = vec2(float(offsets[x]), float(offsets[x + heads * pixels]));
    const vec2 last = max(vec2(width, height) - 1.0, vec2(1.0));
    grid[gl_WorkGroupID.z * heads * pixels + item] = 2.0 * ((swapped ? place.yx : place) + offset) / last - 1.0;
}
