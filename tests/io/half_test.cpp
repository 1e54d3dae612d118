// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "io/half.hpp"

namespace saccade::test {
namespace {

/// The value of a binary16 as IEEE 754 defines it.
double valueOfHalf(uint16_t half) {
    const double sign = (half & 0x8000) ? -1.0 : 1.0;
    const int exponent = (half >> 10) & 0x1f;
    const int mantissa = half & 0x3ff;
    if (exponent == 0x1f)
        return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
    return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

/// The number of a 16-bit format nearest to `value`, ties to even, by scaling to units in the last place: the rounding
/// is nearbyint's. `digits` counts the stored bits of the mantissa.
double roundTo(double value, int digits, int minExponent, double overflow) {
    if (value == 0 || !std::isfinite(value))
        return value;
    const double unit = std::ldexp(1.0, std::max(std::ilogb(value), minExponent) - digits);
    const double rounded = std::nearbyint(value / unit) * unit;
    return std::fabs(rounded) >= overflow ? std::copysign(std::numeric_limits<double>::infinity(), value) : rounded;
}

bool sameNumber(double a, double b) {
    return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

bool roundsAsReference(uint32_t bits) {
    const float value = std::bit_cast<float>(bits);
    return sameNumber(valueOfHalf(floatToHalf(value)), roundTo(value, 10, -14, 65536.0)) &&
           sameNumber(bfloat16ToFloat(floatToBfloat16(value)), roundTo(value, 7, -126, std::ldexp(1.0, 128)));
}

TEST(Half, everyHalfHasItsValueAndReturns) {
    for (uint32_t i = 0; i < 0x10000; ++i) {
        const auto half = static_cast<uint16_t>(i);
        const float value = halfToFloat(half);
        ASSERT_TRUE(sameNumber(value, valueOfHalf(half))) << i;
        if (std::isnan(value))
            ASSERT_TRUE(std::isnan(halfToFloat(floatToHalf(value)))) << i;
        else
            ASSERT_EQ(floatToHalf(value), half);
        ASSERT_EQ(std::signbit(value), (half & 0x8000) != 0) << i;
    }
}

TEST(Half, everyBfloat16Returns) {
    for (uint32_t i = 0; i < 0x10000; ++i) {
        const auto value = static_cast<uint16_t>(i);
        const float asFloat = bfloat16ToFloat(value);
        ASSERT_EQ(std::bit_cast<uint32_t>(asFloat), i << 16);
        if (std::isnan(asFloat))
            ASSERT_TRUE(std::isnan(bfloat16ToFloat(floatToBfloat16(asFloat)))) << i;
        else
            ASSERT_EQ(floatToBfloat16(asFloat), value);
    }
}

// Rounding can only change at the midpoint between neighbours; both formats are monotonic.
TEST(Half, roundsAtEveryMidpoint) {
    for (uint16_t half = 0; half < 0x7c00; ++half) {
        const double next = half == 0x7bff ? 65536.0 : valueOfHalf(static_cast<uint16_t>(half + 1));
        const auto midpoint = static_cast<float>((valueOfHalf(half) + next) / 2); // exact: 12 bits
        const uint32_t bits = std::bit_cast<uint32_t>(midpoint);
        for (const uint32_t near : {bits - 1, bits, bits + 1}) {
            ASSERT_TRUE(roundsAsReference(near)) << near;
            ASSERT_TRUE(roundsAsReference(near | 0x80000000u)) << near;
        }
    }
    for (uint32_t upper = 0; upper < 0x10000; ++upper)
        for (const uint32_t lower : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
            ASSERT_TRUE(roundsAsReference((upper << 16) | lower)) << upper << " " << lower;
}

TEST(Half, roundsFloatsThroughoutTheirRange) {
    for (uint64_t bits = 0; bits < 0x100000000u; bits += 1021)
        ASSERT_TRUE(roundsAsReference(static_cast<uint32_t>(bits))) << bits;
}

static_assert(floatToHalf(1.0f) == 0x3c00 && halfToFloat(0x3555) == 0.333251953125f);
static_assert(floatToHalf(65519.996f) == 0x7bff && floatToHalf(65520.0f) == 0x7c00);
static_assert(floatToBfloat16(1.0f) == 0x3f80);

} // namespace
} // namespace saccade::test
