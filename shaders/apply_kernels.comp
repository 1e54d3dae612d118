// SPDX-License-Identifier: Apache-2.0
// Filters each pixel with a kernel of its own, of size x size weights. An invocation takes a pixel and as many of its
// channels as fit, so that an image's weights are read once.
// Grid: (flat index over pixels and pieces of their channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "loop_end.glsl"
#include "types.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const int chunk = 1;
layout(constant_id = 3) const int blocks = 1;
layout(constant_id = 4) const int normalization = 0; // as enum class KernelNormalization
layout(constant_id = 5) const bool border = true; // else zeros

const int normalizeNone = 0;
const int normalizeSoftmax = 1;
const int normalizeSum = 2;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) readonly buffer Kernels { T kernels[]; };
layout(set = 0, binding = 2) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 2) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 3
#include "parameters/apply_kernels.h"
#include "map_item.glsl"
CHANNEL_LOADER(load, source, source4, sourceStrides.w)
CHANNEL_STORER(store, result, result4, resultStrides.w)

void main() {
    const uint item = flatIndex();
    if (item >= items)
        return;
    const uvec4 at = mapItem(item, chunk * blocks);
    const ivec2 first = ivec2(at.yz) - size / 2, last = ivec2(rows, columns) - 1;
    const uint base = mapPlace(sourceOffset, sourceStrides, uvec4(at.x, 0, 0, at.w));
    uint weightAt = mapPlace(kernelOffset, kernelStrides, uvec4(at.xyz, 0));

    vec4 sum[blocks];
    [[unroll]] for (int block = 0; block < blocks; ++block)
        sum[block] = vec4(0.0);
    // The softmax as it goes: what was summed is scaled down whenever a row of weights has a higher one.
    float highest = uintBitsToFloat(0xff800000u), weights = 0.0;
    const int end = int(loopEnd(uint(size)));
    for (int i = 0; i < end; ++i) {
        if (normalization == normalizeSoftmax) {
            float rowHighest = highest;
            for (int j = 0; j < end; ++j)
                rowHighest = max(rowHighest, float(kernels[weightAt + uint(j) * kernelStrides.w]));
            // Nothing but -infinity so far: exponents are relative to 0, and nothing is summed.
            const bool none = floatBitsToUint(rowHighest) == 0xff800000u;
            const float scale = none ? 1.0 : exp(highest - rowHighest);
            highest = rowHighest;
            weights *= scale;
            [[unroll]] for (int block = 0; block < blocks; ++block)
                sum[block] *= scale;
        }
        const int row = clamp(first.x + i, 0, last.x);
        const uint rowBase = base + uint(row) * sourceStrides.y;
        for (int j = 0; j < end; ++j) {
            float weight = float(kernels[weightAt]);
            weightAt += kernelStrides.w;
            if (normalization == normalizeSoftmax)
                weight = floatBitsToUint(weight) == 0xff800000u ? 0.0 : exp(weight - highest);
            weights += weight;
            const int column = clamp(first.y + j, 0, last.y);
            if (!border && ivec2(row, column) != first + ivec2(i, j))
                continue;
            const uint place = rowBase + uint(column) * sourceStrides.z;
            [[unroll]] for (int block = 0; block < blocks; ++block)
                sum[block] += weight * load(place + uint(block * chunk) * sourceStrides.w);
        }
    }
    const float factor = normalization == normalizeNone ? 1.0 : 1.0 / weights;
    const uint target = mapPlace(resultOffset, resultStrides, at);
    [[unroll]] for (int block = 0; block < blocks; ++block)
        store(target + uint(block * chunk) * resultStrides.w, sum[block] * factor);
}
