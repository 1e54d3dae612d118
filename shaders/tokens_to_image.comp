// SPDX-License-Identifier: Apache-2.0
// Writes a slice of the channels of tokens (b, h * w, c) to an image, pixel-shuffled. An item is a pixel.
// Grid: (flat index over the pixels of w * factor by h * factor, its overflow, batch). Nothing is written beyond the
// image. FORMAT is the image's.
#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef STORE_F16
#extension GL_EXT_shader_16bit_storage : require
#define Element float16_t
#else
#define Element float
#endif

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const uint channels = 4u; // of the image, at most 4
layout(constant_id = 2) const uint factor = 1u;

layout(set = 0, binding = 0) readonly buffer Tokens { Element tokens[]; };
#ifdef LAYERED
layout(set = 0, binding = 1, FORMAT) uniform writeonly image2DArray target;
#else
layout(set = 0, binding = 1, FORMAT) uniform writeonly image2D target;
#endif

#define PARAMETER_BINDING 2
#include "parameters/tokens_to_image.h"

void main() {
    const uint item = flatIndex();
    const uvec2 pixel = uvec2(item % (width * factor), item / (width * factor));
    if (pixel.y >= height * factor || any(greaterThanEqual(ivec2(pixel), imageSize(target).xy)))
        return;
    const uvec2 cell = pixel / factor, within = pixel % factor;
    const uint token = gl_WorkGroupID.z * height * width + cell.y * width + cell.x;
    const uint first = token * rowChannels + firstChannel + within.y * factor + within.x;
    vec4 texel = vec4(0.0, 0.0, 0.0, 1.0);
    for (uint c = 0u; c < channels; ++c)
        texel[c] = float(tokens[first + c * factor * factor]);
#ifdef LAYERED
    imageStore(target, ivec3(pixel, gl_WorkGroupID.z), texel);
#else
    imageStore(target, ivec2(pixel), texel);
#endif
}
