// SPDX-License-Identifier: Apache-2.0
// Max and average pooling, as torch.nn.functional.max_pool2d and avg_pool2d. An invocation takes some channels of a pixel of
// the result.
// Grid: (flat index over pixels and channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const int chunk = 1;
layout(constant_id = 3) const bool average = false;
layout(constant_id = 4) const bool countsPadding = true;

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 1) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 2
#include "parameters/pool2d.h"
#include "map_item.glsl"
CHANNEL_LOADER(load, source, source4, sourceStrides.w)
CHANNEL_STORER(store, result, result4, resultStrides.w)

// NaN wins, as in PyTorch.
float maximum(float x, float y) { return withNan(max(x, y), isNan(x) || isNan(y)); }

void main() {
    const uint item = flatIndex();
    if (item >= items)
        return;
    const uvec4 at = mapItem(item, chunk);
    // The window, first with the padding, then without.
    const ivec2 kernel = ivec2(kernelRows, kernelColumns), size = ivec2(rows, columns);
    const ivec2 padding = ivec2(paddingRows, paddingColumns);
    ivec2 begin = ivec2(at.yz) * ivec2(strideRows, strideColumns) - padding;
    ivec2 end = min(begin + kernel, size + padding);
    const ivec2 padded = end - begin;
    begin = max(begin, ivec2(0));
    end = min(end, size);
    const ivec2 inside = end - begin;

    vec4 value = vec4(average ? 0.0 : uintBitsToFloat(0xff800000u));
    const uint base = mapPlace(sourceOffset, sourceStrides, uvec4(at.x, 0, 0, at.w));
    for (int row = begin.x; row < end.x; ++row)
        for (int column = begin.y; column < end.y; ++column) {
            const uint place = base + uint(row) * sourceStrides.y + uint(column) * sourceStrides.z;
            const vec4 x = load(place);
            if (average)
                value += x;
            else
                value = vec4(maximum(value.x, x.x), maximum(value.y, x.y), maximum(value.z, x.z), maximum(value.w, x.w));
        }
    if (average) {
        const ivec2 counted = countsPadding ? padded : inside;
        value /= float(counted.x * counted.y);
    }
    store(mapPlace(resultOffset, resultStrides, at), value);
}
