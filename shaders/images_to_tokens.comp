// SPDX-License-Identifier: Apache-2.0
// Reads images as tokens (b, h * w, c): each image pixel-unshuffled by its factor, their channels one after the other.
// A token's items are the pixels of its squares, image after image; an item reads one pixel and writes its channels.
// Grid: (flat index over tokens and items, its overflow, batch). Pixels beyond an image repeat its nearest one.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#ifdef STORE_F16
#extension GL_EXT_shader_16bit_storage : require
#define Element float16_t
#define rounded(x) nearestHalf(x)
#else
#define Element float
#define rounded(x) (x)
#endif

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
#include "floats.glsl"
layout(constant_id = 1) const uint imageCount = 1u;
layout(constant_id = 2) const uint channels0 = 4u;
layout(constant_id = 3) const uint channels1 = 0u;
layout(constant_id = 4) const uint channels2 = 0u;
layout(constant_id = 5) const uint channels3 = 0u;
layout(constant_id = 6) const uint factor0 = 1u;
layout(constant_id = 7) const uint factor1 = 0u;
layout(constant_id = 8) const uint factor2 = 0u;
layout(constant_id = 9) const uint factor3 = 0u;

layout(set = 0, binding = 0) writeonly buffer Tokens { Element tokens[]; };
#ifdef LAYERED
#define Image texture2DArray
#define fetch(image, pixel) \
    texelFetch(image, ivec3(min(ivec2(pixel), textureSize(image, 0).xy - 1), gl_WorkGroupID.z), 0)
#else
#define Image texture2D
#define fetch(image, pixel) texelFetch(image, min(ivec2(pixel), textureSize(image, 0) - 1), 0)
#endif
layout(set = 0, binding = 1) uniform Image image0;
layout(set = 0, binding = 2) uniform Image image1;
layout(set = 0, binding = 3) uniform Image image2;
layout(set = 0, binding = 4) uniform Image image3;

#define PARAMETER_BINDING 5
#include "parameters/images_to_tokens.h"

const uint itemsPerToken = factor0 * factor0 + factor1 * factor1 + factor2 * factor2 + factor3 * factor3;
const uint rowChannels = channels0 * factor0 * factor0 + channels1 * factor1 * factor1 + channels2 * factor2 * factor2 +
                         channels3 * factor3 * factor3;

vec4 fetchFrom(uint image, uvec2 pixel) {
    if (imageCount > 3u && image == 3u)
        return fetch(image3, pixel);
    if (imageCount > 2u && image == 2u)
        return fetch(image2, pixel);
    if (imageCount > 1u && image == 1u)
        return fetch(image1, pixel);
    return fetch(image0, pixel);
}

void main() {
    const uint factors[4] = uint[4](factor0, factor1, factor2, factor3);
    const uint channels[4] = uint[4](channels0, channels1, channels2, channels3);
    const uint item = flatIndex();
    const uint token = item / itemsPerToken;
    if (token >= height * width)
        return;
    uint place = item % itemsPerToken, image = 0u, firstChannel = 0u;
    for (; place >= factors[image] * factors[image]; ++image) {
        place -= factors[image] * factors[image];
        firstChannel += channels[image] * factors[image] * factors[image];
    }
    const uint factor = factors[image];
    const uvec2 pixel = uvec2(token % width, token / width) * factor + uvec2(place % factor, place / factor);
    const vec4 texel = fetchFrom(image, pixel);
    const uint row = (gl_WorkGroupID.z * height * width + token) * rowChannels + firstChannel + place;
    for (uint c = 0u; c < channels[image]; ++c)
        tokens[row + c * factor * factor] = Element(rounded(texel[c]));
}
