// UTF-8 as the Unicode standard defines it (table 3-7, well-formed byte sequences): no overlong forms, no surrogates,
// nothing above U+10FFFF.
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

} // namespace saccade
