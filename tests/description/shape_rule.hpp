// SPDX-License-Identifier: Apache-2.0
// The symbolic shapes of module descriptions, checked against real ones.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace saccade::test {

/// What names stand for so far: one size, or several of a *name.
struct ShapeNames {
    std::map<std::string, uint64_t> sizes;
    std::map<std::string, std::vector<uint64_t>> lists;
};

/// Whether `shape` has one of the forms of `rule`, "(b, n, 2 * dim) | (b, *spatial)". Names that are met first are
/// bound. An expression with a name that is not bound matches anything; an operator is + or *, or / that leaves no
/// remainder.
bool matchesRule(const std::string& rule, const std::vector<uint64_t>& shape, ShapeNames& names);

} // namespace saccade::test
