// SPDX-License-Identifier: Apache-2.0
// Copies (batch, head, token, channel) between two strided views: concatenation, broadcast, slices, key-value caches.
// Grid: (flat index over head, token and channel, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#if defined(FROM_F16) || defined(TO_F16)
#extension GL_EXT_shader_16bit_storage : require
#endif

#ifdef FROM_F16
#define From float16_t
#else
#define From float
#endif
#ifdef TO_F16
#define To float16_t
#else
#define To float
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
layout(constant_id = 1) const bool shifted = false; // tokens of `to` begin at a number read from a buffer

layout(set = 0, binding = 0) readonly buffer FromBuffer { From from[]; };
layout(set = 0, binding = 1) writeonly buffer ToBuffer { To to[]; };
layout(set = 0, binding = 2) readonly buffer Shift { int shift[]; };

#define PARAMETER_BINDING 3
#include "parameters/copy.h"

void main() {
    const uint item = flatIndex();
    if (item >= heads * tokens * channels)
        return;
    const uint batch = gl_WorkGroupID.z;
    const uint channel = item % channels, token = item / channels % tokens, head = item / (channels * tokens);
    const uint place = token + (shifted ? uint(clamp(shift[0], 0, int(toTokens - tokens))) : 0u);
    const uint source = fromOffset + batch * fromBatchStride + head * fromHeadStride + token * fromTokenStride +
                        channel * fromChannelStride;
    const uint target =
        toOffset + batch * toBatchStride + head * toHeadStride + place * toTokenStride + channel * toChannelStride;
    to[target] = To(rounded(float(from[source])));
}
