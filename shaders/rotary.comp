// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding (Su et al., arXiv 2104.09864): turns pairs of a vector's first features by angles that depend
// on its position, and copies the rest. In place where both views are the same.
// Grid: (flat index over head, token and pair or remaining feature, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "narrowed.glsl"
#include "types.glsl"
#include "elementary.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool interleaved = true; // pairs are neighbours; else i and i + rotated / 2
layout(constant_id = 2) const bool angles = true;      // the table has an angle per feature; else cosine and sine per pair
layout(constant_id = 3) const uint positionWords = 0;  // 0: consecutive; 1, 2: read from a buffer of 32- or 64-bit integers
layout(constant_id = 4) const bool shifted = false;    // consecutive positions begin at a number read from a buffer

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 2) readonly buffer First { float first[]; };   // angles, or cosines
layout(set = 0, binding = 3) readonly buffer Second { float second[]; }; // sines
layout(set = 0, binding = 4) readonly buffer Positions { int positions[]; };

#define PARAMETER_BINDING 5
#include "parameters/rotary.h"

int readPosition(uint at) {
    return positionWords == 2 ? narrowed(positions[at], positions[at + 1]) : positions[at];
}

void main() {
    const uint pairs = rotated / 2, units = pairs + (channels - rotated);
    const uint item = flatIndex();
    if (item >= heads * tokens * units)
        return;
    const uint batch = gl_WorkGroupID.z;
    const uint unit = item % units, token = item / units % tokens, head = item / (units * tokens);
    const uint from = sourceView.x + batch * sourceView.y + head * sourceView.z + token * sourceView.w;
    const uint to = resultView.x + batch * resultView.y + head * resultView.z + token * resultView.w;
    if (unit >= pairs) {
        const uint channel = rotated + unit - pairs;
        result[to + channel] = stored(float(source[from + channel]));
        return;
    }

    uint position = token + (shifted ? uint(clamp(positions[0], 0, largestShift)) : 0u);
    if (positionWords != 0)
        position = uint(max(readPosition((batch * tokens + token) * positionWords), 0));
    position = min(position, tablePositions - 1) + batch * tableBatchStride;
    const uvec2 at = interleaved ? uvec2(2 * unit, 2 * unit + 1) : uvec2(unit, unit + pairs);
    vec2 cosine, sine;
    if (angles) {
        const vec2 x = cosineAndSine(first[position * rotated + at.x]);
        const vec2 y = cosineAndSine(first[position * rotated + at.y]);
        cosine = vec2(x.x, y.x);
        sine = vec2(x.y, y.y);
    } else {
        cosine = vec2(first[position * pairs + unit]);
        sine = vec2(second[position * pairs + unit]);
    }
    const vec2 value = vec2(float(source[from + at.x]), float(source[from + at.y]));
    const vec2 turned = value * cosine + vec2(-value.y, value.x) * sine;
    result[to + at.x] = stored(turned.x);
    result[to + at.y] = stored(turned.y);
}
