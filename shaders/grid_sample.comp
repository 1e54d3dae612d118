// SPDX-License-Identifier: Apache-2.0
// Samples a map at the positions of a grid, as torch.nn.functional.grid_sample.
//
// Tokens: a thread computes one vector of channels (or one channel) of one point. Neighbouring threads take neighbouring
// channels, so every tap is a run of memory and all threads of a point agree on where to read.
// Planes, where a channel's pixels lie together: a thread computes `perThread` channels of one point, with the taps
// found once. Neighbouring threads take neighbouring points, which read and write neighbouring pixels.
// Grid: (points and their channels as a list folded over x and y, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"
#include "sampling.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const int dims = 2;
layout(constant_id = 2) const int mode = 0;
layout(constant_id = 3) const int padding = 0;
layout(constant_id = 4) const bool alignCorners = false;
layout(constant_id = 5) const bool vectors = false; // four channels at a time on both sides
layout(constant_id = 6) const bool planes = false;

layout(set = 0, binding = 0) readonly buffer Input { T input1[]; };
layout(set = 0, binding = 0) readonly buffer Input4 { T4 input4[]; };
layout(set = 0, binding = 1) readonly buffer Grid { float grid[]; };
layout(set = 0, binding = 2) writeonly buffer Output { T output1[]; };
layout(set = 0, binding = 2) writeonly buffer Output4 { T4 output4[]; };

#define PARAMETER_BINDING 3
#include "parameters/grid_sample.h"

const int taps = mode == sampleNearest ? 1 : mode == sampleBilinear ? 2 : 4;
const int tapsY = dims > 1 ? taps : 1;
const int tapsZ = dims > 2 ? taps : 1;

const int allTaps = taps * tapsY * tapsZ;
const int mostTaps = 16; // in two dimensions bicubic

// Where the taps of a point lie in a plane, or -1, and their weights.
struct Places {
    int at[mostTaps];
    float weight[mostTaps];
};

Places placesOf(uint position) {
    const Taps x = axisTaps(grid[position], sizeX, mode, padding, alignCorners);
    Taps y = Taps(ivec4(0), vec4(1.0)), z = y;
    if (dims > 1)
        y = axisTaps(grid[position + 1u], sizeY, mode, padding, alignCorners);
    if (dims > 2)
        z = axisTaps(grid[position + 2u], sizeZ, mode, padding, alignCorners);
    Places places;
    [[unroll]] for (int k = 0; k < tapsZ; ++k)
        [[unroll]] for (int j = 0; j < tapsY; ++j)
            [[unroll]] for (int i = 0; i < taps; ++i) {
                const int tap = (k * tapsY + j) * taps + i;
                const bool inside = (x.at[i] | y.at[j] | z.at[k]) >= 0;
                places.at[tap] = inside ? (z.at[k] * sizeY + y.at[j]) * sizeX + x.at[i] : -1;
                places.weight[tap] = x.weight[i] * y.weight[j] * z.weight[k];
            }
    return places;
}

uint gridPosition(uint batch, uint group, uint point) { return ((batch * groups + group) * points + point) * uint(dims); }

// Outside reads nothing, rather than something times zero: features may be infinite.
void sampleToken(uint batch, uint point, uint at) {
    const Places places = placesOf(gridPosition(batch, at / groupWidth, point));
    const uint base = inputOffset + batch * inputBatchStride + (vectors ? 4u * at : at);
    vec4 sum = vec4(0.0);
    [[unroll]] for (int tap = 0; tap < allTaps; ++tap) {
        if (places.at[tap] < 0)
            continue;
        const uint token = base + uint(places.at[tap]) * inputStride;
        if (vectors)
            sum += places.weight[tap] * vec4(input4[token >> 2]);
        else
            sum.x += places.weight[tap] * float(input1[token]);
    }
    const uint target = outputOffset + batch * outputBatchStride + point * outputStride;
    if (vectors)
        output4[(target >> 2) + at] = stored4(sum);
    else
        output1[target + at] = stored(sum.x);
}

void samplePlanes(uint batch, uint point, uint first) {
    const Places places = placesOf(gridPosition(batch, first / groupWidth, point));
    uint offset[mostTaps];
    [[unroll]] for (int tap = 0; tap < allTaps; ++tap) offset[tap] = uint(max(places.at[tap], 0)) * inputStride;
    uint from = inputOffset + batch * inputBatchStride + first * inputChannelStride;
    uint to = outputOffset + batch * outputBatchStride + point * outputStride + first * outputChannelStride;
    for (uint c = 0; c < perThread; ++c) {
        float sum = 0.0;
        [[unroll]] for (int tap = 0; tap < allTaps; ++tap) {
            const float value = float(input1[from + offset[tap]]);
            sum += places.weight[tap] * (places.at[tap] < 0 ? 0.0 : value);
        }
        output1[to] = stored(sum);
        from += inputChannelStride;
        to += outputChannelStride;
    }
}

void main() {
    const uint item = flatIndex(), batch = gl_WorkGroupID.z;
    if (planes) {
        const uint piece = item / points;
        if (piece < width / perThread)
            samplePlanes(batch, item % points, piece * perThread);
    } else if (item / width < points) {
        sampleToken(batch, item / width, item % width);
    }
}
