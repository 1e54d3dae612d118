// SPDX-License-Identifier: Apache-2.0
// A map displaced by motion in pixels: result at (i, j) = source at (i + motion[1], j + motion[0]). An invocation takes
// some channels of a pixel.
// Grid: (flat index over pixels and channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"

#ifdef MOTION_F32
#define M float
#else
#define M T
#endif

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const int chunk = 1;
layout(constant_id = 3) const bool nearest = false;
layout(constant_id = 4) const bool border = true; // else zeros

layout(set = 0, binding = 0) readonly buffer Source { T source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { T4 source4[]; };
layout(set = 0, binding = 1) readonly buffer Motion { M motion[]; };
layout(set = 0, binding = 2) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 2) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 3
#include "parameters/warp.h"
#include "map_item.glsl"
CHANNEL_LOADER(load, source, source4, sourceStrides.w)
CHANNEL_STORER(store, result, result4, resultStrides.w)

// Where motion leads along one axis: a pixel, and the weight of the one behind it. The weight comes from the motion
// alone, which has more digits behind the point than its sum with a large coordinate.
struct Place {
    int pixel;
    float weight;
};

Place placeOf(uint at, float shift) {
    // NaN leads outside, as far as an integer holds.
    shift = isNan(shift) ? -1e9 : clamp(shift, -1e9, 1e9);
    const float whole = floor(shift);
    Place place = Place(int(at) + int(whole), shift - whole);
    if (nearest) {
        // Ties go to even pixels.
        const bool up = place.weight > 0.5 || (place.weight == 0.5 && (place.pixel & 1) != 0);
        place = Place(place.pixel + (up ? 1 : 0), 0.0);
    }
    return place;
}

vec4 pixel(uint base, int row, int column) {
    const ivec2 last = ivec2(rows, columns) - 1, at = clamp(ivec2(row, column), ivec2(0), last);
    // Outside reads nothing, rather than something times zero: features may be infinite.
    if (!border && at != ivec2(row, column))
        return vec4(0.0);
    return load(base + uint(at.x) * sourceStrides.y + uint(at.y) * sourceStrides.z);
}

void main() {
    const uint item = flatIndex();
    if (item >= items)
        return;
    const uvec4 at = mapItem(item, chunk);
    const uint shift = mapPlace(motionOffset, motionStrides, uvec4(at.xyz, 0));
    const Place column = placeOf(at.z, float(motion[shift]) * scaleColumns);
    const Place row = placeOf(at.y, float(motion[shift + motionStrides.w]) * scaleRows);
    const uint base = mapPlace(sourceOffset, sourceStrides, uvec4(at.x, 0, 0, at.w));
    vec4 value = pixel(base, row.pixel, column.pixel);
    if (!nearest) {
        value *= (1.0 - row.weight) * (1.0 - column.weight);
        // What has no weight may be infinite too.
        if (column.weight != 0.0)
            value += pixel(base, row.pixel, column.pixel + 1) * ((1.0 - row.weight) * column.weight);
        if (row.weight != 0.0) {
            value += pixel(base, row.pixel + 1, column.pixel) * (row.weight * (1.0 - column.weight));
            if (column.weight != 0.0)
                value += pixel(base, row.pixel + 1, column.pixel + 1) * (row.weight * column.weight);
        }
    }
    store(mapPlace(resultOffset, resultStrides, at), value);
}
