// SPDX-License-Identifier: Apache-2.0
// parseDecimal against std::from_chars, which has it of another origin.
#include "io/decimal.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>

namespace saccade {
namespace {

// What from_chars calls out of range is an infinity or a zero, as the number's size says.
void expectNearest(const std::string& text, double beyond = 0) {
    double expected = beyond;
    std::from_chars(text.data(), text.data() + text.size(), expected);
    const double number = parseDecimal(text);
    EXPECT_EQ(std::bit_cast<uint64_t>(number), std::bit_cast<uint64_t>(expected)) << text << ": " << number;
}

std::string printed(const char* format, double value) {
    char text[1500];
    return {text, static_cast<std::size_t>(std::snprintf(text, sizeof(text), format, value))};
}

TEST(Decimal, plainNumbers) {
    for (const char* text : {"0.0", "-0.0", "0e5", "1.0", "-1.5", "0.1", "0.001", "123456789.25", "1e0", "1E+2", "1e-2",
                             "9007199254740993.0", "9007199254740992.5", "9007199254740993.00000000000000000001",
                             "1e22", "1e23", "8.5e-7", "3.14159265358979323846264338327950288"})
        expectNearest(text);
}

TEST(Decimal, theEndsOfTheRange) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const char* text :
         {"1.7976931348623157e308", "1.7976931348623158e308", "2.2250738585072014e-308", "2.2250738585072011e-308",
          "2.2250738585072012e-308", "4.9e-324", "5e-324", "3e-324", "2.4703282292062328e-324"})
        expectNearest(text);
    for (const char* text : {"1.7976931348623159e308", "1e309", "123456e400", "1e99999999999999999999"})
        expectNearest(text, infinity);
    expectNearest("-1e309", -infinity);
    for (const char* text : {"2.4703282292062327e-324", "1e-324", "1e-400", "1e-99999999999999999999"})
        expectNearest(text, 0.0);
    expectNearest("0." + std::string(400, '0') + "1e400");
    expectNearest("1" + std::string(400, '0') + "e-400");
}

// Exactly between two doubles, and by one digit far behind above or below that.
TEST(Decimal, tiesAndTheirNeighbors) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 300; ++i) {
        // One bit more than a double has lies between two of them.
        const int exponent = static_cast<int>(random() % 200) - 160;
        const double below = std::ldexp(static_cast<double>((random() >> 11) | (uint64_t{1} << 52)), exponent - 52);
        const double step = std::ldexp(1.0, exponent - 53);
        // below + step / 2, by schoolbook addition of two exact decimals.
        std::string a = printed("%.400f", below), b = printed("%.400f", step);
        b.insert(0, a.size() - b.size(), '0');
        int carry = 0;
        for (std::size_t d = a.size(); d-- > 0;) {
            if (a[d] == '.')
                continue;
            const int sum = a[d] - '0' + b[d] - '0' + carry;
            a[d] = static_cast<char>('0' + sum % 10);
            carry = sum / 10;
        }
        if (carry)
            a.insert(0, 1, '1');
        expectNearest(a);
        expectNearest(a + std::string(900, '0') + "1");
        std::string less = a.substr(0, a.find_last_not_of('0') + 1);
        --less.back();
        expectNearest(less + std::string(700, '9'));
    }
}

TEST(Decimal, randomBitsAsShortAndAsLongText) {
    std::mt19937_64 random(2);
    for (int i = 0; i < 20000; ++i) {
        const double value = std::bit_cast<double>(random());
        if (!std::isfinite(value))
            continue;
        expectNearest(printed(i % 2 ? "%.17g" : "%.5e", value));
        if (i % 100 == 0)
            expectNearest(printed("%.1074f", value));
    }
}

} // namespace
} // namespace saccade
