// SPDX-License-Identifier: Apache-2.0
// What SPIR-V's operations on 32-bit integers and booleans give.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "spirv/module.hpp"

namespace saccade::spirv {

/// How many operands an operation has that `evaluate` knows; 0: another one.
uint32_t operandCount(Op op);

/// The result of an operation over scalars, of as many operands as operandCount says. Booleans are 0 and 1. Integers
/// wrap around. A division by zero and a shift by 32 or more, which SPIR-V leaves undefined, give 0.
uint32_t evaluate(Op op, std::span<const uint32_t> operands);

} // namespace saccade::spirv
