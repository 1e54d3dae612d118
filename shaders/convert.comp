// Copies (b, line, position) from one layout and element type to another: lines as they are, or transposed.
//
// Transposing works on tiles of 32 x 32, so that both sides touch memory in runs. Staged: the tile passes through shared
// memory; for GPUs. Otherwise each thread turns blocks of 4 x 4 in registers: a CPU driver has no coalescing to win and
// pays for the barrier.
// Grid: transposed (tiles along a line, tiles of lines, batch); copied (list folded over x and y, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#if defined(SRC_F16) || defined(DST_F16)
#extension GL_EXT_shader_16bit_storage : require
#endif

#ifdef SRC_F16
#define Source float16_t
#define Source4 f16vec4
#else
#define Source float
#define Source4 vec4
#endif
#ifdef DST_F16
#define Result float16_t
#define Result4 f16vec4
#else
#define Result float
#define Result4 vec4
#endif

#include "dispatch.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool transposed = true;
layout(constant_id = 2) const int staged = 1;
layout(constant_id = 3) const bool vectors = false; // both sides may be accessed four elements at a time

layout(set = 0, binding = 0) readonly buffer SourceBuffer { Source source[]; };
layout(set = 0, binding = 0) readonly buffer SourceBuffer4 { Source4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer ResultBuffer { Result result[]; };
layout(set = 0, binding = 1) writeonly buffer ResultBuffer4 { Result4 result4[]; };

// A line is contiguous in the source, of `length` positions; its stride steps one line. The stride of the result steps
// one line too, or, transposed, one position.
layout(push_constant) uniform Push {
    uint lines, length;
    uint sourceOffset, sourceStride, sourceBatchStride;
    uint resultOffset, resultStride, resultBatchStride;
};

const uint tile = 32u;
const uint pitch = tile + 1u; // an odd pitch spreads a column over the banks
shared float staging[staged * (int(tile * pitch) - 1) + 1];

void copyLines(uint sourceBase, uint resultBase) {
    const uint item = listGroup() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    const uint width = vectors ? length >> 2 : length;
    const uint line = item / width, at = item % width;
    if (line >= lines)
        return;
    if (vectors)
        result4[((resultBase + line * resultStride) >> 2) + at] = Result4(vec4(source4[((sourceBase + line * sourceStride) >> 2) + at]));
    else
        result[resultBase + line * resultStride + at] = Result(float(source[sourceBase + line * sourceStride + at]));
}

void transposeStaged(uint sourceBase, uint resultBase, uint firstLine, uint firstPosition) {
    for (uint e = gl_LocalInvocationIndex; e < tile * tile; e += gl_WorkGroupSize.x) {
        const uint line = e / tile, position = e % tile;
        if (firstLine + line < lines && firstPosition + position < length)
            staging[line * pitch + position] =
                float(source[sourceBase + (firstLine + line) * sourceStride + firstPosition + position]);
    }
    barrier();
    for (uint e = gl_LocalInvocationIndex; e < tile * tile; e += gl_WorkGroupSize.x) {
        const uint position = e / tile, line = e % tile;
        if (firstLine + line < lines && firstPosition + position < length)
            result[resultBase + (firstPosition + position) * resultStride + firstLine + line] =
                Result(staging[line * pitch + position]);
    }
}

void transposeBlocks(uint sourceBase, uint resultBase, uint firstLine, uint firstPosition) {
    for (uint e = gl_LocalInvocationIndex; e < tile * tile / 16u; e += gl_WorkGroupSize.x) {
        const uint line = firstLine + e % (tile / 4u) * 4u, position = firstPosition + e / (tile / 4u) * 4u;
        if (line >= lines || position >= length)
            continue;
        const uint read = sourceBase + line * sourceStride + position;
        const uint written = resultBase + position * resultStride + line;
        if (vectors) {
            mat4 block;
            [[unroll]] for (uint i = 0u; i < 4u; ++i)
                block[i] = vec4(source4[(read + i * sourceStride) >> 2]);
            block = transpose(block);
            [[unroll]] for (uint i = 0u; i < 4u; ++i)
                result4[(written + i * resultStride) >> 2] = Result4(block[i]);
        } else {
            for (uint i = 0u; i < min(4u, lines - line); ++i)
                for (uint j = 0u; j < min(4u, length - position); ++j)
                    result[written + j * resultStride + i] = Result(float(source[read + i * sourceStride + j]));
        }
    }
}

void main() {
    const uint sourceBase = sourceOffset + gl_WorkGroupID.z * sourceBatchStride;
    const uint resultBase = resultOffset + gl_WorkGroupID.z * resultBatchStride;
    const uint firstPosition = gl_WorkGroupID.x * tile, firstLine = gl_WorkGroupID.y * tile;
    if (!transposed)
        copyLines(sourceBase, resultBase);
    else if (staged != 0)
        transposeStaged(sourceBase, resultBase, firstLine, firstPosition);
    else
        transposeBlocks(sourceBase, resultBase, firstLine, firstPosition);
}
