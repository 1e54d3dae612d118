// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.hpp"

namespace saccade::test {
namespace {

/// Well-formedness from the definition: decode generously, then demand that the shortest form was used and that the
/// result is a Unicode scalar value.
std::size_t referenceInvalid(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto first = static_cast<unsigned char>(text[i]);
        const std::size_t length = first < 0x80         ? 1
                                   : (first >> 5) == 6  ? 2
                                   : (first >> 4) == 14 ? 3
                                   : (first >> 3) == 30 ? 4
                                                        : 0;
        if (length == 0 || i + length > text.size())
            return i;
        uint32_t code = length == 1 ? first : first & (0x7fu >> length);
        for (std::size_t k = 1; k < length; ++k) {
            const auto byte = static_cast<unsigned char>(text[i + k]);
            if ((byte >> 6) != 2)
                return i;
            code = (code << 6) | (byte & 0x3fu);
        }
        constexpr uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return i;
        i += length;
    }
    return i;
}

TEST(Utf8, judgesEverySequenceOfThreeBytes) {
    for (uint32_t i = 0; i < 0x1000000; ++i) {
        const char bytes[3] = {static_cast<char>(i >> 16), static_cast<char>(i >> 8), static_cast<char>(i)};
        const std::string_view text(bytes, 3);
        if (findInvalidUtf8(text) != referenceInvalid(text))
            FAIL() << std::hex << i;
    }
}

TEST(Utf8, judgesFourByteSequences) {
    for (uint32_t first = 0xef; first < 0x100; ++first)
        for (uint32_t second = 0; second < 0x100; ++second)
            for (const uint32_t third : {0x00u, 0x7fu, 0x80u, 0xbfu, 0xc0u})
                for (const uint32_t fourth : {0x00u, 0x7fu, 0x80u, 0xbfu, 0xc0u, 0xffu}) {
                    const char bytes[4] = {static_cast<char>(first), static_cast<char>(second),
                                           static_cast<char>(third), static_cast<char>(fourth)};
                    const std::string_view text(bytes, 4);
                    ASSERT_EQ(findInvalidUtf8(text), referenceInvalid(text)) << first << " " << second;
                }
}

TEST(Utf8, encodesEveryCharacter) {
    for (uint32_t code = 0; code <= 0x10ffff; ++code) {
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        char bytes[4];
        const std::size_t length = encodeUtf8(code, bytes);
        ASSERT_EQ(length, code < 0x80 ? 1u : code < 0x800 ? 2u : code < 0x10000 ? 3u : 4u);
        const std::string_view text(bytes, length);
        ASSERT_EQ(referenceInvalid(text), length) << code;
    }
    char bytes[4];
    EXPECT_EQ(std::string_view(bytes, encodeUtf8(0x20ac, bytes)), "\xe2\x82\xac");
    EXPECT_EQ(std::string_view(bytes, encodeUtf8(0x1f600, bytes)), "\xf0\x9f\x98\x80");
}

TEST(Utf8, replacesWhatIsNone) {
    const auto replaced = [](std::string text) {
        replaceInvalidUtf8(text.data());
        return text;
    };
    EXPECT_EQ(replaced(""), "");
    EXPECT_EQ(replaced("na\xc3\xafve"), "na\xc3\xafve");
    EXPECT_EQ(replaced("\xff"), "?");
    EXPECT_EQ(replaced("a\xff\xfe z\xc3"), "a?? z?");
    EXPECT_EQ(replaced("\xe2\x82\xe2\x82\xac"), "??\xe2\x82\xac");
    EXPECT_EQ(replaced("\xed\xa0\x80"), "???"); // a surrogate
}

} // namespace
} // namespace saccade::test
