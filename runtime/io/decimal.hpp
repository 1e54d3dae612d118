// SPDX-License-Identifier: Apache-2.0
// Decimal text to double where the standard library cannot: libc++ before 20 has no std::from_chars for it, and strtod
// reads as the process's locale says.
#pragma once

#include <string_view>

namespace saccade {

/// The double nearest to a number as JSON writes it, ties to even: an infinity beyond the largest one, a zero below
/// half of the smallest one. `number` must follow JSON's grammar. Allocates nothing.
double parseDecimal(std::string_view number) noexcept;

} // namespace saccade
