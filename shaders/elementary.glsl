// SPDX-License-Identifier: Apache-2.0
// Elementary functions to about 1e-7 (relative) on every driver: Vulkan lets a device's own be off by far more. Includes
// nothing; floats.glsl comes first.

// Cosine and sine of `angle`, within 1e-6 up to 1e5 radians. The angle less whole quarter turns lies within pi / 4 of 0,
// where Taylor's series ends after nine terms. The quarter turn is taken off in three parts: the first two have so few
// bits that their multiples are exact up to there.
vec2 cosineAndSine(float angle) {
    precise float quarters = round(angle * 0.636619772);
    precise float r = angle - quarters * 1.5703125;
    r -= quarters * 4.837512969970703e-4;
    r -= quarters * 7.549789954891882e-8;
    float z = r * r;
    precise float c = 1.0 + z * (-1.0 / 2.0 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z * (1.0 / 40320.0))));
    precise float s = r + r * z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362880.0))));
    float quadrant = quarters - 4.0 * floor(quarters * 0.25);
    vec2 turned = quadrant == 1.0 || quadrant == 3.0 ? vec2(-s, c) : vec2(c, s);
    return quadrant >= 2.0 ? -turned : turned;
}

// 2^n for whole n from -126 to 127.
float powerOfTwo(int n) { return uintBitsToFloat(uint(n + 127) << 23); }

// exp(r) - 1 for |r| <= ln(2) / 2, by Taylor's series.
float smallExpm1(float r) {
    return r + r * r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 +
                   r * (1.0 / 5040.0))))));
}

// x = n ln(2) + r: whole halvings go into the exponent. The first part of ln(2) has so few bits that its multiples are
// exact. Results below 2^-126 are 0 where the device has no subnormals.
float exponential(float number) {
    const float x = clamp(number, -104.0, 89.0);
    precise float n = round(x * 1.44269504);
    precise float r = x - n * 0.693359375;
    r += n * 2.12194440e-4;
    const int half1 = int(n) / 2, half2 = int(n) - half1;
    return withNan((1.0 + smallExpm1(r)) * powerOfTwo(half1) * powerOfTwo(half2), isNan(number));
}

float exponentialMinus1(float x) { return abs(x) < 0.34 ? smallExpm1(x) : exponential(x) - 1.0; }

// x = m 2^e with m from sqrt(1/2) to sqrt(2): ln(m) = 2 atanh((m - 1) / (m + 1)), whose series ends after six terms.
float logarithm(float x) {
    const uint magnitude = floatBitsToUint(x);
    if (x == 0.0)
        return uintBitsToFloat(0xff800000u);
    if (x < 0.0 || magnitude >= 0x7f800000u)
        return withNan(x, x < 0.0 || isNan(x));
    const uint scaled = magnitude < 0x00800000u ? floatBitsToUint(x * 8388608.0) : magnitude; // subnormal
    const int shift = magnitude < 0x00800000u ? 23 : 0;
    const uint from = scaled - 0x3f3504f3u; // sqrt(1/2)
    const int e = int(from) >> 23;
    const float f = uintBitsToFloat(scaled - (uint(e) << 23)) - 1.0;
    const float s = f / (2.0 + f), z = s * s;
    const float tail = z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0)))));
    const float whole = float(e - shift);
    return whole * 0.693359375 + (2.0 * (s + s * tail) - whole * 2.12194440e-4);
}

// ln(1 + x): what rounding 1 + x loses is given back in proportion.
float logarithm1p(float x) {
    precise float u = 1.0 + x;
    precise float kept = u - 1.0;
    if (kept == 0.0 || u <= 0.0 || !isFinite(u))
        return kept == 0.0 ? x : logarithm(u);
    return logarithm(u) * (x / kept);
}
