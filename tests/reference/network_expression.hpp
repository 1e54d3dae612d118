// SPDX-License-Identifier: Apache-2.0
// Sizes of network files: numbers, or expressions over the sizes that a plan fixes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

namespace saccade::reference {

/// What the names in an expression are.
struct SizeNames {
    std::function<int64_t(const std::string& name)> freeSize;
    /// size(value, dim); dim may be negative.
    std::function<int64_t(const std::string& value, int64_t dim)> valueSize;
};

/// Integers, names, size(value, dim), + - * // % with Python's meaning, a sign, and parentheses. Throws
/// std::invalid_argument for anything else, and for a division by zero.
int64_t evaluate(const std::string& expression, const SizeNames& names);

/// A number, or the value of a string.
int64_t evaluateSize(const nlohmann::json& size, const SizeNames& names);
/// `value` with numbers for the strings in it, which may be nested in lists.
nlohmann::json withNumbers(nlohmann::json value, const SizeNames& names);
/// A node's configuration with numbers for its sizes; strings that are choices ("mode": "bilinear") stay.
nlohmann::json configWithNumbers(nlohmann::json config, bool ofModule, const SizeNames& names);

} // namespace saccade::reference
