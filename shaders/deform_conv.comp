// SPDX-License-Identifier: Apache-2.0
// Deformable convolution in two dimensions (Zhu et al., arXiv 1811.11168; ONNX DeformConv), and the plain one where there
// are no offsets. A thread computes 4 * quads output channels of one position: what it samples serves all of them and is
// never stored. Neighbouring threads take neighbouring positions, so offsets, masks and results are runs of memory and
// the threads of a workgroup agree on the weights they read.
// Grid: (positions, blocks of output channels, batch * groups).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool vectors = false; // four input channels at a time
layout(constant_id = 2) const uint quads = 1;
layout(constant_id = 3) const int kernelY = 1;
layout(constant_id = 4) const int kernelX = 1;
layout(constant_id = 5) const bool hasBias = false;
layout(constant_id = 6) const bool hasOffsets = false;
layout(constant_id = 7) const bool hasMask = false;

layout(set = 0, binding = 0) readonly buffer Input { T input1[]; };
layout(set = 0, binding = 0) readonly buffer Input4 { T4 input4[]; };
layout(set = 0, binding = 1) readonly buffer Weights { T4 weights[]; }; // [group][channel, tap][output channel]
layout(set = 0, binding = 2) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 3) readonly buffer Offsets { float offsets[]; }; // (batch, offset group, tap, (y, x), position)
layout(set = 0, binding = 4) readonly buffer Mask { float mask[]; };       // (batch, offset group, tap, position)
layout(set = 0, binding = 5) writeonly buffer Result { T result[]; };

#define PARAMETER_BINDING 6
#include "parameters/deform_conv.h"

const uint taps = uint(kernelX * kernelY);
const uint step = vectors ? 4u : 1u;

vec4 load(uint at) { return vectors ? vec4(input4[at >> 2]) : vec4(float(input1[at]), 0.0, 0.0, 0.0); }

void main() {
    const uint position = gl_GlobalInvocationID.x;
    if (position >= positions)
        return;
    const uint entry = gl_WorkGroupID.z / groups, group = gl_WorkGroupID.z % groups;
    const uint quad = gl_WorkGroupID.y * quads;
    const ivec2 origin = ivec2(position % outWidth, position / outWidth) * ivec2(strideX, strideY) -
                         ivec2(paddingX, paddingY);
    const uint base = entry * uint(sizeX * sizeY) * channels;

    vec4 sum[quads];
    [[unroll]] for (uint q = 0; q < quads; ++q)
        sum[q] = vec4(0.0);
    for (uint part = 0; part < groupChannels; part += segment) {
        const uint channel = group * groupChannels + part;
        const uint planes = (entry * offsetGroups + channel / offsetChannels) * taps;
        for (uint tap = 0; tap < taps; ++tap) {
            const ivec2 cell = origin + ivec2(tap % uint(kernelX), tap / uint(kernelX)) * ivec2(dilationX, dilationY);
            ivec2 corner = cell;
            vec2 t = vec2(0.0);
            if (hasOffsets) {
                const uint plane = (planes + tap) * 2u * positions + position;
                const vec2 pixel = vec2(cell) + vec2(offsets[plane + positions], offsets[plane]);
                // What lies this far outside reads nothing, and an integer can hold it.
                const vec2 low = floor(clamp(pixel, vec2(-2.0), vec2(sizeX, sizeY) + 1.0));
                corner = ivec2(low);
                t = pixel - low;
            }
            const float scale = hasMask ? mask[(planes + tap) * positions + position] : 1.0;
            // Outside reads nothing, rather than something times zero.
            bool inside[4];
            uint from[4];
            float share[4];
            [[unroll]] for (int i = 0; i < 4; ++i) {
                const ivec2 at = corner + ivec2(i & 1, i >> 1);
                inside[i] = uint(at.x) < uint(sizeX) && uint(at.y) < uint(sizeY);
                from[i] = base + uint(at.y * sizeX + at.x) * channels + channel;
                share[i] = scale * ((i & 1) == 1 ? t.x : 1.0 - t.x) * ((i >> 1) == 1 ? t.y : 1.0 - t.y);
            }
            uint row = group * weightStride + (part * taps + tap) * pitch;
            for (uint c = 0; c < segment; c += step) {
                vec4 value = vec4(0.0);
                [[unroll]] for (int i = 0; i < (hasOffsets ? 4 : 1); ++i)
                    if (inside[i])
                        value += share[i] * load(from[i] + c);
                [[unroll]] for (uint k = 0; k < step; ++k) {
                    [[unroll]] for (uint q = 0; q < quads; ++q)
                        sum[q] += value[k] * vec4(weights[row + min(quad + q, pitch - 1u)]);
                    row += taps * pitch;
                }
            }
        }
    }

    const uint target = entry * outBatchStride + position * outPositionStride;
    [[unroll]] for (uint q = 0; q < quads; ++q)
        [[unroll]] for (uint i = 0; i < 4; ++i) {
            const uint column = 4u * (quad + q) + i;
            if (column < columns) {
                const uint channel = group * columns + column;
                result[target + channel * outChannelStride] = stored(sum[q][i] + (hasBias ? bias[channel] : 0.0));
            }
        }
}
