// SPDX-License-Identifier: Apache-2.0
// Writes a slice of the channels of tokens (b, h * w, c) to an image, pixel-shuffled, by the inverse of its transfer.
// An item is a pixel. Grid: (flat index over the pixels of w * factor by h * factor, its overflow, batch). Nothing is
// written beyond the image. FORMAT is the image's; without one any that the device can store to.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "image_transfer.glsl"

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const uint slice0 = 36u; // four components, factor 1
layout(constant_id = 2) const bool halfTokens = false;
layout(constant_id = 3) const bool halfTexels = false;

// Words of floats, or of two halves each: formats make variants enough.
layout(set = 0, binding = 0) readonly buffer Tokens { uint words[]; };
#ifdef LAYERED
#define Image image2DArray
#else
#define Image image2D
#endif
#ifdef FORMAT
layout(set = 0, binding = 1, FORMAT) uniform writeonly Image target;
#else
layout(set = 0, binding = 1) uniform writeonly Image target;
#endif

#define PARAMETER_BINDING 2
#include "parameters/tokens_to_image.h"

float token(uint i) {
    return halfTokens ? unpackHalf2x16(words[i / 2u])[i & 1u] : uintBitsToFloat(words[i]);
}

void main() {
    const Slice slice = sliceOf(slice0);
    const uint item = flatIndex();
    const uvec2 pixel = uvec2(item % (width * slice.factor), item / (width * slice.factor));
    if (pixel.y >= height * slice.factor || any(greaterThanEqual(ivec2(pixel), imageSize(target).xy)))
        return;
    const uvec2 cell = pixel / slice.factor, within = pixel % slice.factor;
    const uint row = gl_WorkGroupID.z * height * width + cell.y * width + cell.x;
    const uint first = row * rowChannels + firstChannel + within.y * slice.factor + within.x;
    vec4 m = vec4(0.0);
    for (uint c = 0u; c < mapChannels(slice); ++c)
        m[c] = token(first + c * slice.factor * slice.factor);
    vec4 t = (imageOfMap(slice.transfer, m) - bias) * scale;
    if (halfTexels)
        t = nearestHalf(t);
    vec4 texel = vec4(0.0, 0.0, 0.0, 1.0);
    for (uint c = 0u; c < slice.components; ++c)
        texel[slice.first + c] = t[c];
#ifdef LAYERED
    imageStore(target, ivec3(pixel, gl_WorkGroupID.z), texel);
#else
    imageStore(target, ivec2(pixel), texel);
#endif
}
