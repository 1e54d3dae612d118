// SPDX-License-Identifier: Apache-2.0
// Which pixel a tap of a convolution reads. After conv.h and `boundary`.
const int boundaryZeros = 0;
const int boundaryReplicate = 1;
const int boundaryReflect = 2;
const int boundaryTransposed = 3; // of a transposed convolution: zeros, and between the pixels too

const uint hidden = ~0u;

// Of output pixel `row`, before a tap moves it.
ivec3 cornerOf(uint row) {
    const uvec3 at = uvec3(row % outSize.x, row / outSize.x % outSize.y, row / (outSize.x * outSize.y));
    return boundary == boundaryTransposed ? ivec3(at + padding.xyz) : ivec3(at * stride.xyz) - ivec3(padding.xyz);
}

// The index of the pixel that the tap reads, or `hidden`.
uint pixelOf(ivec3 corner, uvec3 tap) {
    ivec3 at;
    if (boundary == boundaryTransposed) {
        at = corner - ivec3(tap * dilation.xyz);
        const uvec3 step = stride.xyz;
        if (any(lessThan(at, ivec3(0))) || any(notEqual(uvec3(at) % step, uvec3(0))))
            return hidden;
        at = ivec3(uvec3(at) / step);
    } else {
        at = corner + ivec3(tap * dilation.xyz);
    }
    const ivec3 last = ivec3(size.xyz) - 1;
    if (boundary == boundaryReplicate)
        at = clamp(at, ivec3(0), last);
    if (boundary == boundaryReflect)
        at = last - abs(last - abs(at));
    if (any(lessThan(at, ivec3(0))) || any(greaterThan(at, last)))
        return hidden;
    return (uint(at.z) * size.y + uint(at.y)) * size.x + uint(at.x);
}
