// SPDX-License-Identifier: Apache-2.0
// Numbers of images and numbers of maps: the functions of SacImageTransfer in saccade.h, which has their formulas and
// ranges, and their inverses. Included after floats.glsl.
#include "elementary.glsl"

// Numbered as enum class ImageTransfer in runtime/kernels/image.hpp.
const uint transferLinear = 0u;
const uint transferLog1p = 1u;
const uint transferSrgb = 2u;
const uint transferPq = 3u;
const uint transferReciprocal = 4u;
const uint transferOctahedral = 5u;

// What an image holds of a map, packed by packedSlice() in runtime/kernels/image.cpp.
struct Slice {
    uint components, first; // of the texel
    uint factor;            // of the pixel shuffle
    uint transfer;
};
Slice sliceOf(uint packed) { return Slice(packed & 7u, packed >> 3 & 3u, packed >> 5 & 127u, packed >> 12); }

uint mapChannels(Slice slice) { return slice.transfer == transferOctahedral ? 3u : slice.components; }

// x clamped; NaN counts as 0.
float within(float x, float least, float most) {
    const uint sign = floatBitsToUint(x) & 0x80000000u;
    return clamp(isNan(x) ? 0.0 : isFinite(x) ? x : uintBitsToFloat(sign | 0x7f7fffffu), least, most);
}

float power(float x, float exponent) { return x > 0.0 ? exponential(exponent * logarithm(x)) : 0.0; }

// With 1 - c1 = c2 - c3 the fraction of the definition is 1 - d, whose logarithm keeps the digits that the large
// exponent needs.
float pqOfLight(float light) {
    const float y = power(light * 1e-4, 0.1593017578125);
    const float d = 0.1640625 * (1.0 - y) / (1.0 + 18.6875 * y);
    return exponential(78.84375 * logarithm1p(-d));
}

float lightOfPq(float m) {
    if (m <= 0.0)
        return 0.0;
    const float d = -exponentialMinus1(logarithm(m) * (1.0 / 78.84375));
    return 1e4 * power((0.1640625 - d) / (0.1640625 + 18.6875 * d), 6.27739463602);
}

float srgbOfLight(float light) {
    return light <= 0.0031308 ? 12.92 * light : 1.055 * power(light, 1.0 / 2.4) - 0.055;
}

float lightOfSrgb(float m) { return m <= 0.04045 ? m / 12.92 : power((m + 0.055) / 1.055, 2.4); }

vec2 folded(vec2 p) { return (1.0 - abs(p.yx)) * vec2(p.x < 0.0 ? -1.0 : 1.0, p.y < 0.0 ? -1.0 : 1.0); }

vec3 normalOfPoint(vec2 texel) {
    const vec2 p = vec2(within(texel.x, -1.0, 1.0), within(texel.y, -1.0, 1.0));
    const float z = 1.0 - abs(p.x) - abs(p.y);
    const vec3 n = vec3(z < 0.0 ? folded(p) : p, z);
    return n / sqrt(dot(n, n));
}

vec2 pointOfNormal(vec3 normal) {
    const float most = 1.2676506e30, least = 7.8886091e-31; // 2^100 and 2^-100
    vec3 n;
    for (int i = 0; i < 3; ++i)
        n[i] = within(normal[i], -most, most);
    const float sum = abs(n.x) + abs(n.y) + abs(n.z);
    if (sum < least)
        return vec2(0.0);
    const vec2 p = n.xy / sum;
    return n.z < 0.0 ? folded(p) : p;
}

const float most127 = 1.7014118e38, most126 = 8.5070592e37; // 2^127 and 2^126

// The map's channels of an image's t. `kinds` has the bit of every transfer that occurs, so that code of others is
// dropped where `transfer` is known at run time only.
vec4 mapOfImage(uint kinds, uint transfer, vec4 t) {
    if ((kinds >> transferOctahedral & 1u) != 0u && transfer == transferOctahedral)
        return vec4(normalOfPoint(t.xy), 0.0);
    vec4 m = t;
    for (int i = 0; i < 4; ++i) {
        if ((kinds >> transferLog1p & 1u) != 0u && transfer == transferLog1p)
            m[i] = logarithm1p(within(t[i], 0.0, most127));
        if ((kinds >> transferSrgb & 1u) != 0u && transfer == transferSrgb)
            m[i] = srgbOfLight(within(t[i], 0.0, 281474976710656.0));
        if ((kinds >> transferPq & 1u) != 0u && transfer == transferPq)
            m[i] = pqOfLight(within(t[i], 0.0, 10000.0));
        if ((kinds >> transferReciprocal & 1u) != 0u && transfer == transferReciprocal)
            m[i] = 1.0 / within(t[i], 1.52587890625e-5, most126);
    }
    return m;
}

// The inverse.
vec4 imageOfMap(uint transfer, vec4 m) {
    if (transfer == transferOctahedral)
        return vec4(pointOfNormal(m.xyz), 0.0, 0.0);
    vec4 t = m;
    for (int i = 0; i < 4; ++i) {
        if (transfer == transferLog1p)
            t[i] = exponentialMinus1(within(m[i], 0.0, 88.02969));
        if (transfer == transferSrgb)
            t[i] = lightOfSrgb(within(m[i], 0.0, 1106247.625));
        if (transfer == transferPq)
            t[i] = lightOfPq(within(m[i], 0.0, 1.0));
        if (transfer == transferReciprocal)
            t[i] = 1.0 / within(m[i], 1.17549435e-38, 65536.0);
    }
    return t;
}
