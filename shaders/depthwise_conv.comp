// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution over channels-last pixels, with gemm.comp's epilogue: one invocation per pixel of the result and
// four channels (or one), so that taps are runs of memory.
// Grid: (flat index over pixel and channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"
#include "activation.glsl"
#include "loop_end.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool vectors = false;
layout(constant_id = 2) const int boundary = 0; // conv_place.glsl
layout(constant_id = 3) const bool outChannelMajor = false;
layout(constant_id = 4) const bool hasBias = false;
layout(constant_id = 5) const int activation = 0;

layout(set = 0, binding = 0) readonly buffer A { T a[]; };
layout(set = 0, binding = 0) readonly buffer A4 { T4 a4[]; };
layout(set = 0, binding = 1) readonly buffer Weights { T weights[]; }; // [tap][channel]
layout(set = 0, binding = 1) readonly buffer Weights4 { T4 weights4[]; };
layout(set = 0, binding = 2) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 2) readonly buffer Bias4 { vec4 bias4[]; };
// Without RESIDUAL four buffers do, which every device has.
#ifdef RESIDUAL
layout(set = 0, binding = 3) readonly buffer Residual { T residual[]; };
layout(set = 0, binding = 3) readonly buffer Residual4 { T4 residual4[]; };
#define OUT_BINDING 4
#define PARAMETER_BINDING 5
#else
#define OUT_BINDING 3
#define PARAMETER_BINDING 4
#endif
layout(set = 0, binding = OUT_BINDING) writeonly buffer Out { T result[]; };
layout(set = 0, binding = OUT_BINDING) writeonly buffer Out4 { T4 result4[]; };

#include "parameters/conv.h"
#include "conv_place.glsl"

// Four channels from `at` on, or one.
vec4 load(uint at) { return vectors ? vec4(a4[at >> 2]) : vec4(float(a[at]), 0, 0, 0); }
vec4 weight(uint at) { return vectors ? vec4(weights4[at >> 2]) : vec4(float(weights[at]), 0, 0, 0); }

uint placeOf(uint pixel, uint channel, uint offset, uint stride) {
    return offset + (outChannelMajor ? channel * stride + pixel : pixel * stride + channel);
}

void main() {
    const uint width = vectors ? columns / 4u : columns; // columns: the channels
    const uint item = flatIndex();
    if (item >= rows * width)
        return;
    const uint pixel = item / width, channel = item % width * (vectors ? 4u : 1u), batch = gl_WorkGroupID.z;
    const uint base = aOffset + batch * aBatchStride + channel;
    const ivec3 corner = cornerOf(pixel);
    vec4 sum = vec4(0);
    if (hasBias)
        sum = vectors ? bias4[channel >> 2] : vec4(bias[channel], 0, 0, 0);
    uint at = channel;
    const uvec3 tapEnd = loopEnd(taps.xyz);
    for (uint z = 0; z < tapEnd.z; ++z)
        for (uint y = 0; y < tapEnd.y; ++y)
            for (uint x = 0; x < tapEnd.x; ++x, at += columns) {
                const uint source = pixelOf(corner, uvec3(x, y, z));
                if (source != hidden)
                    sum += weight(at) * load(base + source * aStride);
            }
    const uint place = placeOf(pixel, channel, outOffset + batch * outBatchStride, outStride);
#ifdef RESIDUAL
    const uint added = placeOf(pixel, channel, residualOffset + batch * residualBatchStride, residualStride);
#endif
    if (vectors) {
        sum = alpha * activate4(activation, sum, activationA, activationB);
#ifdef RESIDUAL
        sum += vec4(residual4[added >> 2]);
#endif
        result4[place >> 2] = stored4(sum);
    } else {
        float one = alpha * activate(activation, sum.x, activationA, activationB);
#ifdef RESIDUAL
        one += float(residual[added]);
#endif
        result[place] = stored(one);
    }
}
