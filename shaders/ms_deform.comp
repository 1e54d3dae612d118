// SPDX-License-Identifier: Apache-2.0
// Multi-scale deformable sampling (Zhu et al., arXiv 2010.04159): softmax over all levels' points, their places, bilinear
// taps and the weighted sum, in one pass that stores nothing in between. A thread owns `chunks` vectors of channels (or
// channels) of one head of one query; the threads of a head are neighbours and take neighbouring channels, so each tap
// is a run of memory.
// Grid: (flat index over query, head and thread of the head, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

#ifdef STORE_F16
#define T2 f16vec2
#else
#define T2 vec2
#endif

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false; // four channels at a time
layout(constant_id = 2) const uint chunks = 1;
layout(constant_id = 3) const uint levels = 1;
layout(constant_id = 4) const uint points = 1;
layout(constant_id = 5) const bool boxes = false; // references are (centre, size)
layout(constant_id = 6) const bool writesLocations = false;

layout(set = 0, binding = 0) readonly buffer Value { T value1[]; };
layout(set = 0, binding = 0) readonly buffer Value4 { T4 value4[]; };
layout(set = 0, binding = 1) readonly buffer Offsets { T2 offsets[]; };    // (batch, query, head, level, point)
layout(set = 0, binding = 2) readonly buffer Logits { T logits[]; };       // the same
layout(set = 0, binding = 3) readonly buffer References { vec2 places[]; }; // (batch, query, level), then the size
layout(set = 0, binding = 4) writeonly buffer Result { T result1[]; };
layout(set = 0, binding = 4) writeonly buffer Result4 { T4 result4[]; };
layout(set = 0, binding = 5) writeonly buffer Locations { vec2 locations[]; };

#define PARAMETER_BINDING 6
#include "parameters/ms_deform.h"

void main() {
    const uint threads = width / chunks;
    const uint item = flatIndex();
    const uint set = item / threads, slot = item % threads; // set: a head of a query
    if (set >= queries * heads)
        return;
    const uint entry = gl_WorkGroupID.z;
    const uint query = entry * queries + set / heads, head = set % heads;
    const uint samples = levels * points;
    const uint first = (query * heads + head) * samples;

    float top = float(logits[first]);
    for (uint s = 1; s < samples; ++s)
        top = max(top, float(logits[first + s]));

    const uint pitch = heads * width;
    uint level0 = entry * tokens * pitch + head * width + slot;
    vec4 sum[chunks];
    [[unroll]] for (uint c = 0; c < chunks; ++c)
        sum[c] = vec4(0.0);
    float total = 0.0;
    uint s = first;
    for (uint level = 0; level < levels; ++level) {
        const uint packedSize = sizes[level / 4u][level % 4u];
        const uvec2 size = uvec2(packedSize & 0xffffu, packedSize >> 16);
        const uint reference = (query * levels + level) * (boxes ? 2u : 1u);
        const vec2 centre = places[reference];
        // Of an offset, in pixels.
        const vec2 unit = boxes ? places[reference + 1u] * vec2(size) * (0.5 / float(points)) : vec2(1.0);
        const vec2 origin = centre * vec2(size) - 0.5;
        for (uint point = 0; point < points; ++point, ++s) {
            const vec2 offset = vec2(offsets[s]);
            if (writesLocations && slot == 0u)
                locations[s] = centre + offset * unit / vec2(size);
            const float share = exp(float(logits[s]) - top);
            total += share;

            const vec2 pixel = origin + offset * unit;
            // What lies this far outside reads nothing, and an integer can hold it.
            const vec2 corner = floor(clamp(pixel, vec2(-2.0), vec2(size) + 1.0));
            const vec2 t = pixel - corner;
            [[unroll]] for (int tap = 0; tap < 4; ++tap) {
                const uvec2 at = uvec2(ivec2(corner) + ivec2(tap & 1, tap >> 1)); // below 0 becomes large
                // Outside reads nothing, rather than something times zero.
                if (at.x >= size.x || at.y >= size.y)
                    continue;
                const float weight =
                    share * ((tap & 1) == 1 ? t.x : 1.0 - t.x) * ((tap >> 1) == 1 ? t.y : 1.0 - t.y);
                const uint token = level0 + (at.y * size.x + at.x) * pitch;
                [[unroll]] for (uint c = 0; c < chunks; ++c) {
                    if (vectors)
                        sum[c] += weight * vec4(value4[token + c * threads]);
                    else
                        sum[c].x += weight * float(value1[token + c * threads]);
                }
            }
        }
        level0 += size.x * size.y * pitch;
    }

    const uint target = query * pitch + head * width + slot;
    [[unroll]] for (uint c = 0; c < chunks; ++c) {
        if (vectors)
            result4[target + c * threads] = stored4(sum[c] / total);
        else
            result1[target + c * threads] = stored(sum[c].x / total);
    }
}
