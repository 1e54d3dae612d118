// SPDX-License-Identifier: Apache-2.0
// The one exception type of the library. It carries a result code for the C boundary and a message in the object
// itself, so that reporting a failure (out of memory above all) needs no heap beyond what the C++ runtime sets aside.
#pragma once

#include <saccade/saccade.h>

#include <concepts>
#include <cstdarg>
#include <cstddef>
#include <exception>
#include <span>
#include <string_view>

// MinGW's own printf takes formats as C99 has them, which its compiler calls gnu_printf.
#if defined(__MINGW32__) && !defined(__clang__)
#define SACCADE_PRINTF(formatIndex, firstArgument) __attribute__((format(gnu_printf, formatIndex, firstArgument)))
#elif defined(__GNUC__)
#define SACCADE_PRINTF(formatIndex, firstArgument) __attribute__((format(printf, formatIndex, firstArgument)))
#else
#define SACCADE_PRINTF(formatIndex, firstArgument)
#endif

namespace saccade {

class Error : public std::exception {
public:
    static constexpr std::size_t messageCapacity = SAC_MAX_MESSAGE_LENGTH; ///< bytes, with the terminating zero

    /// The message is formatMessage's.
    SACCADE_PRINTF(3, 4) Error(SacResult code, const char* format, ...) noexcept;

    SacResult code() const noexcept { return code_; }
    const char* what() const noexcept override { return message_; }

private:
    SacResult code_;
    char message_[messageCapacity];
};

/// Formats as printf does. What does not fit is cut between UTF-8 characters; control characters, which a name from a
/// file may hold, become '?' so that one message stays one line of a log; so does each byte that is no UTF-8.
void formatMessage(std::span<char> out, const char* format, std::va_list arguments) noexcept;

/// Length for "%.*s": `text` cut to at most `limit` bytes and between UTF-8 characters, so that a long name from a file
/// cannot push the rest of a message out. Usage: Error(code, "tensor \"%.*s\": ...", clip(name), name.data()).
int clip(std::string_view text, std::size_t limit = 96) noexcept;

/// An integer as "%llu" and "%lld" take it: uint64_t and size_t are other types on each platform.
constexpr unsigned long long wide(std::unsigned_integral auto value) noexcept { return value; }
constexpr long long wide(std::signed_integral auto value) noexcept { return value; }

} // namespace saccade
