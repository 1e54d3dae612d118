// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <algorithm>
#include <cstdio>

#include "base/text.hpp"

namespace saccade {

Error::Error(SacResult code, const char* format, ...) noexcept : code_(code) {
    std::va_list arguments;
    va_start(arguments, format);
    formatMessage(message_, format, arguments);
    va_end(arguments);
}

void formatMessage(std::span<char> out, const char* format, std::va_list arguments) noexcept {
    const int written = std::vsnprintf(out.data(), out.size(), format, arguments);
    if (written < 0) {
        out[0] = '\0';
    } else if (static_cast<std::size_t>(written) >= out.size()) {
        // One byte more than kept, so that clip sees whether the cut falls inside a character.
        const std::string_view kept(out.data(), out.size() - 1);
        out[static_cast<std::size_t>(clip(kept, kept.size() - 1))] = '\0';
    }
    for (char* c = out.data(); *c != '\0'; ++c)
        if (static_cast<unsigned char>(*c) < 0x20 || *c == 0x7f)
            *c = '?';
    replaceInvalidUtf8(out.data());
}

int clip(std::string_view text, std::size_t limit) noexcept {
    std::size_t length = std::min(text.size(), limit);
    if (length < text.size())
        while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
            --length;
    return static_cast<int>(length);
}

} // namespace saccade
