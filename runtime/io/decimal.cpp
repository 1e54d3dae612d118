// SPDX-License-Identifier: Apache-2.0
#include "io/decimal.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace saccade {

namespace {

// Between two neighboring doubles lies no number of more significant digits than 767 at which rounding turns. Of digits
// behind those it only matters whether one is not 0.
constexpr int maxDigits = 800;
// Powers of ten of the first digit, beyond which every number is too large or too small for a double.
constexpr int64_t maxPower = 310, minPower = -350;

// A natural number. The largest one here is 10^(maxDigits - minPower) * 2^64, of 3884 bits.
class Natural {
public:
    explicit Natural(uint32_t value) : words_{value} {}

    void multiplyAdd(uint32_t factor, uint32_t summand) {
        uint64_t carry = summand;
        for (uint32_t& word : words_) {
            carry += uint64_t{word} * factor;
            word = static_cast<uint32_t>(carry);
            carry >>= 32;
        }
    }

    void shiftLeft(int bits) {
        const int whole = bits / 32, part = bits % 32;
        for (int i = size - 1; i >= 0; --i) {
            const uint64_t high = i >= whole ? at(i - whole) : 0, low = i > whole ? at(i - whole - 1) : 0;
            at(i) = static_cast<uint32_t>((high << 32 | low) << part >> 32);
        }
    }

    /// `other` must not be larger.
    void subtract(const Natural& other) {
        uint64_t borrow = 0;
        for (int i = 0; i < size; ++i) {
            const uint64_t difference = uint64_t{at(i)} - other.at(i) - borrow;
            at(i) = static_cast<uint32_t>(difference);
            borrow = difference >> 63;
        }
    }

    bool isBelow(const Natural& other) const {
        return std::lexicographical_compare(words_.rbegin(), words_.rend(), other.words_.rbegin(), other.words_.rend());
    }

    /// Bits up to the highest one that is set.
    int width() const {
        for (int i = size - 1; i >= 0; --i)
            if (at(i))
                return i * 32 + static_cast<int>(std::bit_width(at(i)));
        return 0;
    }

private:
    static constexpr int size = 128;
    uint32_t& at(int i) { return words_[static_cast<size_t>(i)]; }
    const uint32_t& at(int i) const { return words_[static_cast<size_t>(i)]; }

    std::array<uint32_t, size> words_;
};

// numerator / denominator, neither 0.
double nearest(Natural numerator, Natural denominator) {
    // The quotient times 2^scale has 63 or 64 bits, and what is left tells whether it is exact.
    const int scale = 63 - (numerator.width() - denominator.width());
    if (scale > 0)
        numerator.shiftLeft(scale);
    else
        denominator.shiftLeft(-scale);
    denominator.shiftLeft(63);
    uint64_t quotient = 0;
    for (int bit = 0; bit < 64; ++bit) {
        quotient <<= 1;
        if (!numerator.isBelow(denominator)) {
            numerator.subtract(denominator);
            quotient |= 1;
        }
        numerator.shiftLeft(1);
    }
    const bool exact = numerator.width() == 0;

    using Limits = std::numeric_limits<double>;
    const int width = static_cast<int>(std::bit_width(quotient)), exponent = width - scale;
    const int kept = Limits::digits - std::max(0, Limits::min_exponent - exponent); // fewer of a subnormal number
    if (kept < 0)
        return 0;
    const int dropped = width - kept; // 10 to 64
    const uint64_t half = uint64_t{1} << (dropped - 1), rest = quotient & (half + (half - 1));
    uint64_t mantissa = dropped < 64 ? quotient >> dropped : 0;
    if (rest > half || (rest == half && (!exact || mantissa % 2)))
        ++mantissa;
    return std::ldexp(static_cast<double>(mantissa), dropped - scale);
}

} // namespace

double parseDecimal(std::string_view number) noexcept {
    const bool negative = number.starts_with('-');
    const double sign = negative ? -1 : 1;
    number.remove_prefix(negative ? 1 : 0);

    int64_t written = 0; // the exponent in the text, far beyond use at most
    if (const size_t e = number.find_first_of("eE"); e != number.npos) {
        for (const char c : number.substr(e + 1))
            if (c >= '0' && c <= '9')
                written = std::min<int64_t>(written * 10 + (c - '0'), int64_t{1} << 40);
        if (number[e + 1] == '-')
            written = -written;
        number = number.substr(0, e);
    }

    Natural digits(0);
    int count = 0;                       // significant digits in `digits`
    int64_t power = 0;                   // of ten, of the last digit in `digits`
    bool fraction = false, more = false; // behind the point; digits but 0 were left out
    for (const char c : number) {
        if (c == '.') {
            fraction = true;
            continue;
        }
        const bool keep = count < maxDigits;
        if (keep && (count > 0 || c != '0')) {
            digits.multiplyAdd(10, static_cast<uint32_t>(c - '0'));
            ++count;
        }
        more = more || (!keep && c != '0');
        power += (keep ? 0 : 1) - (fraction ? 1 : 0);
    }
    if (count == 0)
        return sign * 0.0;
    if (more) {
        digits.multiplyAdd(10, 1);
        ++count;
        --power;
    }
    power += written;
    if (power + count > maxPower)
        return sign * std::numeric_limits<double>::infinity();
    if (power + count < minPower)
        return sign * 0.0;

    Natural denominator(1);
    for (int64_t i = 0; i < power; ++i)
        digits.multiplyAdd(10, 0);
    for (int64_t i = 0; i > power; --i)
        denominator.multiplyAdd(10, 0);
    return sign * nearest(digits, denominator);
}

} // namespace saccade
