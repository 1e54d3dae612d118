// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution over channels-last tokens, stride 1, result of the source's size: one invocation per token and
// four channels (or one), so that taps are runs of memory.
// Grid: (flat index over token and channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const bool addsSource = false;
layout(constant_id = 3) const uint kernelZ = 1;
layout(constant_id = 4) const uint kernelY = 1;
layout(constant_id = 5) const uint kernelX = 1;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) readonly buffer Weights { float weights[]; }; // [tap][channel], then the bias
layout(set = 0, binding = 1) readonly buffer Weights4 { vec4 weights4[]; };
layout(set = 0, binding = 2) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 2) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 3
#include "parameters/depthwise_conv.h"

vec4 load(uint at) { return vectors ? vec4(source4[at]) : vec4(float(source[at]), 0, 0, 0); }
vec4 weight(uint at) { return vectors ? weights4[at] : vec4(weights[at], 0, 0, 0); }

void main() {
    const uint item = flatIndex();
    if (item >= sizeZ * sizeY * sizeX * width)
        return;
    const uint token = item / width, channel = item % width;
    const ivec3 corner = ivec3(token % sizeX, token / sizeX % sizeY, token / (sizeX * sizeY)) -
                         ivec3(paddingX, paddingY, paddingZ);
    const uint entry = gl_WorkGroupID.z * sizeZ * sizeY * sizeX;
    vec4 sum = weight(kernelZ * kernelY * kernelX * width + channel);
    if (addsSource)
        sum += load((entry + token) * width + channel);
    uint row = channel;
    for (uint z = 0; z < kernelZ; ++z)
        for (uint y = 0; y < kernelY; ++y)
            for (uint x = 0; x < kernelX; ++x, row += width) {
                const uvec3 at = uvec3(corner + ivec3(x, y, z)); // negative coordinates become large ones
                if (at.x < sizeX && at.y < sizeY && at.z < sizeZ)
                    sum += weight(row) * load((entry + (at.z * sizeY + at.y) * sizeX + at.x) * width + channel);
            }
    if (vectors)
        result4[(entry + token) * width + channel] = stored4(sum);
    else
        result[(entry + token) * width + channel] = stored(sum.x);
}
