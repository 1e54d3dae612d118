// SPDX-License-Identifier: Apache-2.0
// Texts: UTF-8 as the Unicode standard defines it (table 3-7, well-formed byte sequences), with no overlong forms, no
// surrogates and nothing above U+10FFFF; and names as a message lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace saccade {

/// Position of the first byte that begins no well-formed character, or text.size() where all are.
std::size_t findInvalidUtf8(std::string_view text);

/// Makes a zero-terminated text well-formed: each byte that belongs to no character becomes '?'.
void replaceInvalidUtf8(char* text);

/// Writes the character `code` (at most U+10FFFF, no surrogate) to `out`, which has room for 4 bytes, and returns the
/// number of bytes written.
std::size_t encodeUtf8(uint32_t code, char* out);

/// "a", "b", "c", as far as they fit, then ...; "none" without any. Allocates nothing.
class NameList {
public:
    void add(std::string_view name);
    const char* text() const { return length_ ? text_ : "none"; }

private:
    std::size_t length_ = 0;
    bool full_ = false;
    char text_[320] = "";
};

/// The names of a table whose entries have a member `name`.
template <class Entries>
NameList namesOf(const Entries& entries) {
    NameList list;
    for (const auto& entry : entries)
        list.add(entry.name);
    return list;
}

} // namespace saccade
