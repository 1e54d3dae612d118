// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <cstdio>

#include "base/error.hpp"

namespace saccade {

std::size_t findInvalidUtf8(std::string_view text) {
    const std::size_t size = text.size();
    const auto byteAt = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };

    for (std::size_t i = 0; i < size;) {
        const unsigned char first = byteAt(i);
        if (first < 0x80) {
            ++i;
            continue;
        }
        std::size_t length = 0;
        // Only the second byte's range depends on the first; it is what excludes overlong forms and surrogates.
        unsigned char low = 0x80;
        unsigned char high = 0xbf;
        if (first >= 0xc2 && first <= 0xdf) {
            length = 2;
        } else if (first >= 0xe0 && first <= 0xef) {
            length = 3;
            low = first == 0xe0 ? 0xa0 : 0x80;
            high = first == 0xed ? 0x9f : 0xbf;
        } else if (first >= 0xf0 && first <= 0xf4) {
            length = 4;
            low = first == 0xf0 ? 0x90 : 0x80;
            high = first == 0xf4 ? 0x8f : 0xbf;
        } else {
            return i;
        }
        if (size - i < length || byteAt(i + 1) < low || byteAt(i + 1) > high)
            return i;
        for (std::size_t k = 2; k < length; ++k)
            if ((byteAt(i + k) & 0xc0) != 0x80)
                return i;
        i += length;
    }
    return size;
}

void replaceInvalidUtf8(char* text) {
    std::string_view rest(text);
    for (std::size_t bad; (bad = findInvalidUtf8(rest)) != rest.size(); rest.remove_prefix(bad + 1))
        text[rest.data() - text + static_cast<std::ptrdiff_t>(bad)] = '?';
}

std::size_t encodeUtf8(uint32_t code, char* out) {
    const auto put = [&](std::size_t i, uint32_t byte) {
        out[i] = static_cast<char>(static_cast<unsigned char>(byte));
    };
    const auto tail = [&](std::size_t i, uint32_t shift) { put(i, 0x80 | ((code >> shift) & 0x3f)); };

    if (code < 0x80) {
        put(0, code);
        return 1;
    }
    if (code < 0x800) {
        put(0, 0xc0 | (code >> 6));
        tail(1, 0);
        return 2;
    }
    if (code < 0x10000) {
        put(0, 0xe0 | (code >> 12));
        tail(1, 6);
        tail(2, 0);
        return 3;
    }
    put(0, 0xf0 | (code >> 18));
    tail(1, 12);
    tail(2, 6);
    tail(3, 0);
    return 4;
}

void NameList::add(std::string_view name) {
    if (full_)
        return;
    constexpr std::size_t ellipsis = sizeof(", ...");
    const std::size_t room = sizeof(text_) - length_ - ellipsis;
    const int written =
        std::snprintf(text_ + length_, room, "%s\"%.*s\"", length_ ? ", " : "", clip(name, 64), name.data());
    if (written >= 0 && static_cast<std::size_t>(written) < room) {
        length_ += static_cast<std::size_t>(written);
        return;
    }
    std::snprintf(text_ + length_, ellipsis, ", ...");
    full_ = true;
}

} // namespace saccade
