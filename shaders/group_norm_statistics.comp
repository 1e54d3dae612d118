// SPDX-License-Identifier: Apache-2.0
// First of group norm: mean and sum of squared differences from it, of each channel over each chunk of tokens. An
// invocation takes a channel, or four, of a chunk.
// Grid: (flat index over chunks and their channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"
#include "division.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer Moments { vec2 moments[]; }; // (batch, chunk, channel)

#define PARAMETER_BINDING 2
#include "parameters/group_norm.h"

vec4 load(uint place) {
    if (vectors)
        return vec4(source4[place >> 2]);
    return vec4(float(source[place]), 0.0, 0.0, 0.0);
}

void main() {
    const uint item = flatIndex();
    if (item >= chunks * width)
        return;
    const uint chunk = quotient(item, divisorWidth);
    const uint channel = (item - chunk * width) * (vectors ? 4 : 1);
    const uint batch = gl_WorkGroupID.z;
    const uint first = chunk * chunkTokens;
    const uint count = min(chunkTokens, tokens - first);
    uint place = sourceOffset + batch * sourceBatchStride + first * sourceStride + channel;

    // Differences from the first token: they are small where the mean is large.
    const vec4 shift = load(place);
    vec4 sum = vec4(0.0), squares = vec4(0.0);
    for (uint i = 1; i < count; ++i) {
        place += sourceStride;
        const vec4 d = load(place) - shift;
        sum += d;
        squares += d * d;
    }
    const vec4 mean = sum / float(count);
    squares = max(squares - sum * mean, vec4(0.0));
    const uint target = (batch * chunks + chunk) * channels + channel;
    for (int i = 0; i < (vectors ? 4 : 1); ++i)
        moments[target + i] = vec2(shift[i] + mean[i], squares[i]);
}
