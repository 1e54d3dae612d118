// SPDX-License-Identifier: Apache-2.0
// Samples tokens at the positions of a grid, as torch.nn.functional.grid_sample. A thread computes one vector of
// channels (or one channel) of one point; neighbouring threads take neighbouring channels, so every tap is a run of
// memory and all threads of a point agree on where to read.
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

void main() {
    const uint item = flatIndex();
    const uint point = item / width, at = item % width;
    if (point >= points)
        return;
    const uint batch = gl_WorkGroupID.z;
    const uint position = ((batch * groups + at / groupWidth) * points + point) * uint(dims);

    const Taps x = axisTaps(grid[position], sizeX, mode, padding, alignCorners);
    Taps y = Taps(ivec4(0), vec4(1.0)), z = y;
    if (dims > 1)
        y = axisTaps(grid[position + 1u], sizeY, mode, padding, alignCorners);
    if (dims > 2)
        z = axisTaps(grid[position + 2u], sizeZ, mode, padding, alignCorners);

    const uint base = inputOffset + batch * inputBatchStride + (vectors ? 4u * at : at);
    vec4 sum = vec4(0.0);
    [[unroll]] for (int k = 0; k < tapsZ; ++k)
        [[unroll]] for (int j = 0; j < tapsY; ++j)
            [[unroll]] for (int i = 0; i < taps; ++i) {
                // Outside reads nothing, rather than something times zero: features may be infinite.
                if ((x.at[i] | y.at[j] | z.at[k]) < 0)
                    continue;
                const float weight = x.weight[i] * y.weight[j] * z.weight[k];
                const uint token = base + uint((z.at[k] * sizeY + y.at[j]) * sizeX + x.at[i]) * inputStride;
                if (vectors)
                    sum += weight * vec4(input4[token >> 2]);
                else
                    sum.x += weight * float(input1[token]);
            }

    const uint target = outputOffset + batch * outputBatchStride + point * outputStride;
    if (vectors)
        output4[(target >> 2) + at] = stored4(sum);
    else
        output1[target + at] = stored(sum.x);
}
