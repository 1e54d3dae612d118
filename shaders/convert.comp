// SPDX-License-Identifier: Apache-2.0
// Copies (b, line, position) from one layout and element type to another: lines as they are, or transposed.
//
// Transposing works on tiles of 32 x 32, so that both sides touch memory in runs. Staged: the tile passes through
// shared memory; for GPUs. Otherwise each thread turns blocks of 4 x 4 in registers: a CPU driver has no coalescing to
// win and pays for the barrier.
// Grid: transposed (tiles along a line, tiles of lines, batch); copied (list folded over x and y, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#if defined(FROM_F16) || defined(TO_F16)
#extension GL_EXT_shader_16bit_storage : require
#endif

#ifdef FROM_F16
#define From float16_t
#define From4 f16vec4
#else
#define From float
#define From4 vec4
#endif
#ifdef TO_F16
#define To float16_t
#define To4 f16vec4
#else
#define To float
#define To4 vec4
#endif

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
#include "floats.glsl"
// Float32 to float16 rounds; halves pass as they are.
#if defined(TO_F16) && !defined(FROM_F16)
#define rounded(x) nearestHalf(x)
#else
#define rounded(x) (x)
#endif
layout(constant_id = 1) const bool transposed = true;
layout(constant_id = 2) const int staged = 1;
layout(constant_id = 3) const bool vectors = false; // both sides may be accessed four elements at a time

layout(set = 0, binding = 0) readonly buffer FromBuffer { From from[]; };
layout(set = 0, binding = 0) readonly buffer FromBuffer4 { From4 from4[]; };
layout(set = 0, binding = 1) writeonly buffer ToBuffer { To to[]; };
layout(set = 0, binding = 1) writeonly buffer ToBuffer4 { To4 to4[]; };

#define PARAMETER_BINDING 2
#include "parameters/convert.h"

const uint tile = 32u;
const uint pitch = tile + 1u; // an odd pitch spreads a column over the banks
shared float staging[staged * (int(tile * pitch) - 1) + 1];

void copyLines(uint fromBase, uint toBase) {
    const uint item = flatIndex();
    const uint width = vectors ? length >> 2 : length;
    const uint line = item / width, at = item % width;
    const uint read = fromBase + line * fromStride, written = toBase + line * toStride;
    if (line < lines) {
        if (vectors)
            to4[(written >> 2) + at] = To4(rounded(vec4(from4[(read >> 2) + at])));
        else
            to[written + at] = To(rounded(float(from[read + at])));
    }
}

void transposeStaged(uint fromBase, uint toBase, uint firstLine, uint firstPosition) {
    for (uint e = gl_LocalInvocationIndex; e < tile * tile; e += gl_WorkGroupSize.x) {
        const uint line = e / tile, position = e % tile;
        if (firstLine + line < lines && firstPosition + position < length)
            staging[line * pitch + position] =
                float(from[fromBase + (firstLine + line) * fromStride + firstPosition + position]);
    }
    barrier();
    for (uint e = gl_LocalInvocationIndex; e < tile * tile; e += gl_WorkGroupSize.x) {
        const uint position = e / tile, line = e % tile;
        if (firstLine + line < lines && firstPosition + position < length)
            to[toBase + (firstPosition + position) * toStride + firstLine + line] =
                To(rounded(staging[line * pitch + position]));
    }
}

void transposeBlocks(uint fromBase, uint toBase, uint firstLine, uint firstPosition) {
    for (uint e = gl_LocalInvocationIndex; e < tile * tile / 16u; e += gl_WorkGroupSize.x) {
        // Sixteen consecutive blocks are 16 x 16 elements: whole cache lines on both sides.
        const uint line = firstLine + bitfieldExtract(e, 2, 2) * 4u + bitfieldExtract(e, 5, 1) * 16u;
        const uint position = firstPosition + bitfieldExtract(e, 0, 2) * 4u + bitfieldExtract(e, 4, 1) * 16u;
        if (line >= lines || position >= length)
            continue;
        const uint read = fromBase + line * fromStride + position;
        const uint written = toBase + position * toStride + line;
        if (vectors) {
            mat4 block;
            [[unroll]] for (uint i = 0u; i < 4u; ++i)
                block[i] = vec4(from4[(read + i * fromStride) >> 2]);
            block = transpose(block);
            [[unroll]] for (uint i = 0u; i < 4u; ++i)
                to4[(written + i * toStride) >> 2] = To4(rounded(block[i]));
        } else {
            const uint rows = min(4u, lines - line), columns = min(4u, length - position);
            for (uint i = 0u; i < rows; ++i)
                for (uint j = 0u; j < columns; ++j)
                    to[written + j * toStride + i] = To(rounded(float(from[read + i * fromStride + j])));
        }
    }
}

void main() {
    const uint fromBase = fromOffset + gl_WorkGroupID.z * fromBatchStride;
    const uint toBase = toOffset + gl_WorkGroupID.z * toBatchStride;
    const uint firstPosition = gl_WorkGroupID.x * tile, firstLine = gl_WorkGroupID.y * tile;
    if (!transposed)
        copyLines(fromBase, toBase);
    else if (staged != 0)
        transposeStaged(fromBase, toBase, firstLine, firstPosition);
    else
        transposeBlocks(fromBase, toBase, firstLine, firstPosition);
}
