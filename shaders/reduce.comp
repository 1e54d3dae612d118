// SPDX-License-Identifier: Apache-2.0
// Sums, means and maxima of rows along one axis, softmax and l2 normalisation over it. Where elements of a row lie side
// by side, `lanes` invocations share it and read four elements at a time; where rows lie side by side, neighbouring
// invocations take neighbouring rows, or four at a time. Rows too few to fill the machine are cut into segments:
// one dispatch leaves the statistics of each segment, the next combines them.
// Grid: (flat index over groups of parts, its overflow, 1); a part is a row or a segment of one.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#ifdef FROM_F16
#extension GL_EXT_shader_16bit_storage : require
#define From float16_t
#define From4 f16vec4
#else
#define From float
#define From4 vec4
#endif
#include "types.glsl"
#include "division.glsl"

const int kindSum = 0; // as enum class Reduction; a mean is a scaled sum
const int kindMean = 1;
const int kindMaximum = 2;
const int kindSoftmax = 3;
const int kindNormalize = 4;

const int phaseWhole = 0;   // whole rows
const int phasePartial = 1; // statistics of segments, into scratch
const int phaseApply = 2;   // from the statistics of all segments, the elements of one

const int scalars = 0;
const int vectorsAlong = 1;  // four elements of a row
const int vectorsAcross = 2; // an element of four rows

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint lanes = 1;        // that share a row; divides the workgroup
layout(constant_id = 2) const uint rowsPerGroup = 1; // workgroup / lanes
layout(constant_id = 3) const int kind = kindSum;
layout(constant_id = 4) const int phase = phaseWhole;
layout(constant_id = 5) const int vectors = scalars;
layout(constant_id = 6) const int rowAxes = 1;
layout(constant_id = 7) const bool neighbouringRows = false; // neighbouring parts are of neighbouring rows

layout(set = 0, binding = 0) readonly buffer Source { From source[]; };
layout(set = 0, binding = 0) readonly buffer Source4 { From4 source4[]; };
layout(set = 0, binding = 1) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 1) writeonly buffer Result4 { T4 result4[]; };
layout(set = 0, binding = 2) readonly buffer Statistics { float statistics[]; }; // of phaseApply

#define PARAMETER_BINDING 3
#include "parameters/reduce.h"

// Additions in a row before their sum joins the total: what keeps sums of millions accurate.
const uint blockLength = 32;

const int width = vectors == vectorsAcross ? 4 : 1;       // rows of a part
const uint pairs = kind == kindSoftmax ? 2 : 1;           // numbers of a segment's statistics
const bool writesElements = kind == kindSoftmax || kind == kindNormalize;
#define minusInfinity uintBitsToFloat(0xff800000u)

shared vec4 shares[rowsPerGroup * lanes];

float maximum(float x, float y) { return withNan(max(x, y), isNan(x) || isNan(y)); }
vec4 maximum(vec4 x, vec4 y) {
    return vec4(maximum(x.x, y.x), maximum(x.y, y.y), maximum(x.z, y.z), maximum(x.w, y.w));
}
// What exponents are relative to: of nothing but -infinity, 0, so that they are not NaN.
float base(float highest) { return floatBitsToUint(highest) == 0xff800000u ? 0.0 : highest; }
vec4 base(vec4 highest) { return vec4(base(highest.x), base(highest.y), base(highest.z), base(highest.w)); }

// Over the components, where they are of one row, and over the invocations of a row.
vec4 sumOverRow(vec4 value) {
    if (vectors == vectorsAlong)
        value = vec4(value.x + value.y + (value.z + value.w));
    if (lanes == 1)
        return value;
    barrier(); // earlier reads of `shares` are over
    shares[gl_LocalInvocationIndex] = value;
    barrier();
    const uint first = gl_LocalInvocationIndex / lanes * lanes;
    vec4 sum = vec4(0.0);
    for (uint i = 0; i < lanes; ++i)
        sum += shares[first + i];
    return sum;
}

vec4 maximumOverRow(vec4 value) {
    if (vectors == vectorsAlong)
        value = vec4(maximum(maximum(value.x, value.y), maximum(value.z, value.w)));
    if (lanes == 1)
        return value;
    barrier();
    shares[gl_LocalInvocationIndex] = value;
    barrier();
    const uint first = gl_LocalInvocationIndex / lanes * lanes;
    vec4 highest = vec4(minusInfinity);
    for (uint i = 0; i < lanes; ++i)
        highest = maximum(highest, shares[first + i]);
    return highest;
}

vec4 load(uint place) {
    if (vectors == scalars)
        return vec4(float(source[place]));
    return vec4(source4[place >> 2]);
}

// What part of a row this invocation reads: steps from `begin`, `lanes` apart, before `end`.
struct Steps {
    uint place; // of step 0
    uint begin, end;
};

vec4 highestOf(Steps steps) {
    vec4 highest = vec4(minusInfinity);
    for (uint i = steps.begin; i < steps.end; i += lanes)
        highest = maximum(highest, load(steps.place + i * sourceStep));
    return maximumOverRow(highest);
}

vec4 sumOf(Steps steps, vec4 base) {
    vec4 total = vec4(0.0);
    for (uint block = steps.begin; block < steps.end; block += blockLength * lanes) {
        vec4 sum = vec4(0.0);
        const uint end = min(block + blockLength * lanes, steps.end);
        for (uint i = block; i < end; i += lanes) {
            const vec4 x = load(steps.place + i * sourceStep);
            sum += kind == kindSoftmax ? exp(x - base) : kind == kindNormalize ? x * x : x;
        }
        total += sum;
    }
    return sumOverRow(total);
}

// The statistics of a row from those of its segments.
void combine(uint row, out float highest, out float sum) {
    const uint first = row * segments * pairs;
    highest = minusInfinity;
    sum = 0.0;
    if (kind == kindSoftmax) {
        for (uint i = 0; i < segments; ++i)
            highest = max(highest, statistics[first + 2 * i]);
        highest = base(highest);
        for (uint i = 0; i < segments; ++i)
            sum += statistics[first + 2 * i + 1] * exp(statistics[first + 2 * i] - highest);
    } else {
        for (uint i = 0; i < segments; ++i)
            sum += statistics[first + i];
    }
}

void main() {
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint lane = gl_LocalInvocationIndex % lanes;
    // Parts past the last repeat it and write nothing, so that every invocation reaches the barriers.
    const uint wanted = group * rowsPerGroup + gl_LocalInvocationIndex / lanes;
    const uint part = min(wanted, rows * segments - 1);
    uint row = part, segment = 0;
    if (phase != phaseWhole) {
        if (neighbouringRows) {
            segment = quotient(part, divisorRows);
            row = part - segment * rows;
        } else {
            row = quotient(part, divisorSegments);
            segment = part - row * segments;
        }
    }
    uvec2 place = uvec2(sourceOffset, resultOffset);
    uint rest = row;
    [[unroll]] for (int axis = rowAxes - 1; axis > 0; --axis) {
        const uint above = quotient(rest, rowSizes[axis]);
        place += (rest - above * rowSizes[axis].x) * rowStrides[axis].xy;
        rest = above;
    }
    place += rest * rowStrides[0].xy;
    const uint begin = segment * segmentLength;
    const Steps steps = Steps(place.x, begin + lane, min(begin + segmentLength, length));

    vec4 highest = vec4(0.0), sum = vec4(0.0);
    if (phase == phaseApply) {
        [[unroll]] for (int i = 0; i < width; ++i)
            combine(row * width + i, highest[i], sum[i]);
        if (width == 1) {
            highest = highest.xxxx;
            sum = sum.xxxx;
        }
    } else {
        if (kind == kindSoftmax || kind == kindMaximum)
            highest = highestOf(steps);
        if (kind == kindSoftmax)
            highest = base(highest);
        if (kind != kindMaximum)
            sum = sumOf(steps, highest);
    }
    if (wanted > part)
        return;

    if (phase == phasePartial || !writesElements) {
        if (lane != 0)
            return;
        const vec4 value = kind == kindMaximum ? highest : sum * scale;
        if (phase == phasePartial) {
            [[unroll]] for (int i = 0; i < width; ++i) {
                const uint target = ((row * width + i) * segments + segment) * pairs;
                if (kind == kindSoftmax) {
                    result[target] = T(highest[i]);
                    result[target + 1] = T(sum[i]);
                } else {
                    result[target] = T(value[i]);
                }
            }
        } else if (vectors == vectorsAcross) {
            result4[place.y >> 2] = stored4(value);
        } else {
            result[place.y] = stored(value.x);
        }
        return;
    }
    const vec4 factor = 1.0 / (kind == kindSoftmax ? sum : max(sqrt(sum), vec4(epsilon)));
    for (uint i = steps.begin; i < steps.end; i += lanes) {
        const vec4 x = load(steps.place + i * sourceStep);
        const vec4 value = (kind == kindSoftmax ? exp(x - highest) : x) * factor;
        const uint target = place.y + i * resultStep;
        if (vectors == scalars)
            result[target] = stored(value.x);
        else
            result4[target >> 2] = stored4(value);
    }
}
