// SPDX-License-Identifier: Apache-2.0
// Sizes as texts: "h // 2", "size(enc0, 2) * 4". Integers, names of free sizes, size(value, dim), + - * // % with
// Python's meaning, and parentheses.
#pragma once

#include <cstdint>
#include <string_view>

#include "graph/graph.hpp"
#include "io/json.hpp"

namespace saccade::network {

/// What names in an expression stand for.
class Sizes {
public:
    /// The free size of this name; null if there is none.
    virtual const uint64_t* freeSize(std::string_view name) const = 0;
    /// The shape of the value of this name; null if it is not known (yet).
    virtual const Shape* shapeOf(std::string_view name) const = 0;

protected:
    ~Sizes() = default;
};

/// Throws SAC_ERROR_INVALID_CONFIG for what is no expression, an unknown name, a division by zero and results beyond
/// 2^53.
int64_t evaluate(std::string_view expression, const Sizes& sizes);

/// Of a number or an expression. `what` names the value in messages.
int64_t evaluateSize(const JsonValue& value, const Sizes& sizes, const char* what);

/// Throws SAC_ERROR_INVALID_CONFIG unless the value is an integer or a string.
void requireSize(const JsonValue& value, const char* what);

/// Whether the text is a name that expressions can have: letters, digits and _, no digit first.
bool isSizeName(std::string_view text);

} // namespace saccade::network
