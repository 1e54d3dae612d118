// SPDX-License-Identifier: Apache-2.0
// Reads images as channels of tokens (b, h * w, c): each image pixel-unshuffled by its factor, as its transfer has it.
// Grid: (flat index, its overflow, batch). Images have workgroups one after another; an item is a pixel of the image
// that its workgroup belongs to, and writes the channels that come from it. Pixels beyond an image repeat its nearest
// one.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "types.glsl"
#include "image_transfer.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint imageCount = 1u;
layout(constant_id = 2) const uint slice0 = 36u; // four components, factor 1
layout(constant_id = 3) const uint slice1 = 0u;
layout(constant_id = 4) const uint slice2 = 0u;
layout(constant_id = 5) const uint slice3 = 0u;
layout(constant_id = 6) const uint slice4 = 0u;
layout(constant_id = 7) const uint slice5 = 0u;
layout(constant_id = 8) const uint slice6 = 0u;
layout(constant_id = 9) const uint slice7 = 0u;

layout(set = 0, binding = 0) writeonly buffer Tokens { T tokens[]; };
#ifdef LAYERED
#define Image texture2DArray
#define FETCH(image) texelFetch(image, ivec3(min(pixel, textureSize(image, 0).xy - 1), gl_WorkGroupID.z), 0)
#else
#define Image texture2D
#define FETCH(image) texelFetch(image, min(pixel, textureSize(image, 0) - 1), 0)
#endif
layout(set = 0, binding = 1) uniform Image image0;
layout(set = 0, binding = 2) uniform Image image1;
layout(set = 0, binding = 3) uniform Image image2;
layout(set = 0, binding = 4) uniform Image image3;
layout(set = 0, binding = 5) uniform Image image4;
layout(set = 0, binding = 6) uniform Image image5;
layout(set = 0, binding = 7) uniform Image image6;
layout(set = 0, binding = 8) uniform Image image7;

#define PARAMETER_BINDING 9
#include "parameters/images_to_tokens.h"

const uint kinds = 1u << (slice0 >> 12) | 1u << (slice1 >> 12) | 1u << (slice2 >> 12) | 1u << (slice3 >> 12) |
                   1u << (slice4 >> 12) | 1u << (slice5 >> 12) | 1u << (slice6 >> 12) | 1u << (slice7 >> 12);

vec4 fetchFrom(uint image, ivec2 pixel) {
    if (imageCount > 1u && image == 1u)
        return FETCH(image1);
    if (imageCount > 2u && image == 2u)
        return FETCH(image2);
    if (imageCount > 3u && image == 3u)
        return FETCH(image3);
    if (imageCount > 4u && image == 4u)
        return FETCH(image4);
    if (imageCount > 5u && image == 5u)
        return FETCH(image5);
    if (imageCount > 6u && image == 6u)
        return FETCH(image6);
    if (imageCount > 7u && image == 7u)
        return FETCH(image7);
    return FETCH(image0);
}

void main() {
    const uint slices[8] = uint[8](slice0, slice1, slice2, slice3, slice4, slice5, slice6, slice7);
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    uint image = 0u;
    for (uint i = 1u; i < imageCount; ++i)
        image += group >= places[i].x ? 1u : 0u;
    const Slice slice = sliceOf(slices[image]);
    const uint item = (group - places[image].x) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    const uint columns = width * slice.factor;
    const uvec2 pixel = uvec2(item % columns, item / columns);
    if (pixel.y >= height * slice.factor)
        return;
    vec4 texel = fetchFrom(image, ivec2(pixel));
    texel = slice.first == 0u ? texel : slice.first == 1u ? texel.yzww : slice.first == 2u ? texel.zwww : texel.wwww;
    const vec4 m = mapOfImage(kinds, slice.transfer, texel * scales[image] + biases[image]);
    const uvec2 cell = pixel / slice.factor, within = pixel % slice.factor;
    const uint token = gl_WorkGroupID.z * height * width + cell.y * width + cell.x;
    const uint first = token * rowChannels + places[image].y + within.y * slice.factor + within.x;
    const uint step = slice.factor * slice.factor;
    for (uint c = 0u; c < mapChannels(slice); ++c)
        tokens[first + c * step] = stored(m[c]);
}
