// SPDX-License-Identifier: Apache-2.0
// What float32 numbers are, told by their bits: without float controls a driver may assume that none is NaN or infinite,
// and fold comparisons accordingly.
bool isNan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }
bool isFinite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }
bool areFinite(vec4 x) {
    return all(notEqual(floatBitsToUint(x) & uvec4(0x7f800000u), uvec4(0x7f800000u)));
}

// x, or NaN.
float withNan(float x, bool nan) { return uintBitsToFloat(nan ? 0x7fc00000u : floatBitsToUint(x)); }

// The half nearest to x, ties to even, so that storing it rounds alike on every driver: a conversion may round up, down
// or to nearest as the driver likes. Finite numbers beyond 65504 become 65504; infinities and NaN stay. Below 2^-14,
// where halves are subnormal, the conversion is left to the driver, which may also make them zero.
float nearestHalf(float x) {
    uint sign = floatBitsToUint(x) & 0x80000000u;
    uint magnitude = floatBitsToUint(x) & 0x7fffffffu;
    uint nearest = min((magnitude + 0xfffu + ((magnitude >> 13) & 1u)) & 0xffffe000u, 0x477fe000u);
    return magnitude >= 0x38800000u && magnitude < 0x7f800000u ? uintBitsToFloat(sign | nearest) : x;
}

vec4 nearestHalf(vec4 x) { return vec4(nearestHalf(x.x), nearestHalf(x.y), nearestHalf(x.z), nearestHalf(x.w)); }
