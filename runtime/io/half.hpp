// SPDX-License-Identifier: Apache-2.0
// Conversions between binary32 and the 16-bit formats: binary16 (IEEE 754) and bfloat16. Integer arithmetic only, so
// the result depends neither on the processor's rounding mode nor on its flushing of subnormals.
#pragma once

#include <bit>
#include <cstdint>

namespace saccade {

/// Exact. Subnormals, infinities and the payload of a NaN are kept.
constexpr float halfToFloat(uint16_t half) {
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1fu;
    const uint32_t mantissa = half & 0x3ffu;

    if (exponent == 0x1f)
        return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
    if (exponent != 0)
        return std::bit_cast<float>(sign | ((exponent + 127 - 15) << 23) | (mantissa << 13));
    if (mantissa == 0)
        return std::bit_cast<float>(sign);
    // Subnormal: mantissa * 2^-24. Its leading bit becomes the implicit one of a binary32.
    const uint32_t leading = 31u - static_cast<uint32_t>(std::countl_zero(mantissa));
    return std::bit_cast<float>(sign | ((leading + 127 - 24) << 23) | ((mantissa << (23 - leading)) & 0x7fffffu));
}

/// Rounds to nearest, ties to even; overflow becomes infinity from 65520 on, NaN stays a (quiet) NaN.
constexpr uint16_t floatToHalf(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;

    if (magnitude > 0x7f800000u)
        return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    if (magnitude >= 0x477ff000u) // 65520, halfway between the largest half and 2^16
        return static_cast<uint16_t>(sign | 0x7c00u);
    if (magnitude <= 0x33000000u) // 2^-25, halfway between 0 and the smallest subnormal: the tie goes to zero
        return static_cast<uint16_t>(sign);

    uint32_t result = 0;
    uint32_t remainder = 0;
    uint32_t halfway = 0;
    if (magnitude >= 0x38800000u) { // 2^-14, the smallest normal half
        result = (magnitude - ((127u - 15u) << 23)) >> 13;
        remainder = magnitude & 0x1fffu;
        halfway = 0x1000u;
    } else {
        const uint32_t exponent = magnitude >> 23;
        const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
        const uint32_t shift = 126u - exponent; // mantissa * 2^(exponent - 150) in units of 2^-24
        result = mantissa >> shift;
        remainder = mantissa & ((1u << shift) - 1u);
        halfway = 1u << (shift - 1u);
    }
    // A carry out of the mantissa runs into the exponent, which is what rounding up to a power of two means.
    if (remainder > halfway || (remainder == halfway && (result & 1u) != 0))
        ++result;
    return static_cast<uint16_t>(sign | result);
}

/// Exact: a bfloat16 is the upper half of a binary32.
constexpr float bfloat16ToFloat(uint16_t value) { return std::bit_cast<float>(static_cast<uint32_t>(value) << 16); }

/// Rounds to nearest, ties to even; overflow becomes infinity, NaN stays a (quiet) NaN.
constexpr uint16_t floatToBfloat16(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return static_cast<uint16_t>((bits >> 16) | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

} // namespace saccade
