// SPDX-License-Identifier: Apache-2.0
#include "spirv/arithmetic.hpp"

namespace saccade::spirv {

namespace {

// Signed division in 64 bits, where the smallest integer by -1 is in range.
uint32_t divide(int64_t a, int64_t b) { return b ? static_cast<uint32_t>(a / b) : 0; }

uint32_t remainder(int64_t a, int64_t b) { return b ? static_cast<uint32_t>(a % b) : 0; }

// With the sign of b.
uint32_t modulo(int64_t a, int64_t b) { return b ? static_cast<uint32_t>((a % b + b) % b) : 0; }

} // namespace

uint32_t operandCount(Op op) {
    switch (op) {
    case Op::SNegate:
    case Op::Not:
    case Op::LogicalNot:
        return 1;
    case Op::Select:
        return 3;
    case Op::IAdd:
    case Op::ISub:
    case Op::IMul:
    case Op::UDiv:
    case Op::SDiv:
    case Op::UMod:
    case Op::SRem:
    case Op::SMod:
    case Op::LogicalEqual:
    case Op::LogicalNotEqual:
    case Op::LogicalOr:
    case Op::LogicalAnd:
    case Op::IEqual:
    case Op::INotEqual:
    case Op::UGreaterThan:
    case Op::SGreaterThan:
    case Op::UGreaterThanEqual:
    case Op::SGreaterThanEqual:
    case Op::ULessThan:
    case Op::SLessThan:
    case Op::ULessThanEqual:
    case Op::SLessThanEqual:
    case Op::ShiftRightLogical:
    case Op::ShiftRightArithmetic:
    case Op::ShiftLeftLogical:
    case Op::BitwiseOr:
    case Op::BitwiseXor:
    case Op::BitwiseAnd:
        return 2;
    default:
        return 0;
    }
}

uint32_t evaluate(Op op, std::span<const uint32_t> operands) {
    const uint32_t a = operands[0], b = operands.size() > 1 ? operands[1] : 0;
    const auto signedA = static_cast<int32_t>(a), signedB = static_cast<int32_t>(b);
    switch (op) {
    case Op::SNegate:
        return 0 - a;
    case Op::Not:
        return ~a;
    case Op::LogicalNot:
        return !a;
    case Op::Select:
        return a ? b : operands[2];
    case Op::IAdd:
        return a + b;
    case Op::ISub:
        return a - b;
    case Op::IMul:
        return a * b;
    case Op::UDiv:
        return b ? a / b : 0;
    case Op::SDiv:
        return divide(signedA, signedB);
    case Op::UMod:
        return b ? a % b : 0;
    case Op::SRem:
        return remainder(signedA, signedB);
    case Op::SMod:
        return modulo(signedA, signedB);
    case Op::LogicalEqual:
    case Op::IEqual:
        return a == b;
    case Op::LogicalNotEqual:
    case Op::INotEqual:
        return a != b;
    case Op::LogicalOr:
    case Op::BitwiseOr:
        return a | b;
    case Op::LogicalAnd:
    case Op::BitwiseAnd:
        return a & b;
    case Op::BitwiseXor:
        return a ^ b;
    case Op::UGreaterThan:
        return a > b;
    case Op::SGreaterThan:
        return signedA > signedB;
    case Op::UGreaterThanEqual:
        return a >= b;
    case Op::SGreaterThanEqual:
        return signedA >= signedB;
    case Op::ULessThan:
        return a < b;
    case Op::SLessThan:
        return signedA < signedB;
    case Op::ULessThanEqual:
        return a <= b;
    case Op::SLessThanEqual:
        return signedA <= signedB;
    case Op::ShiftRightLogical:
        return b < 32 ? a >> b : 0;
    case Op::ShiftRightArithmetic:
        return b < 32 ? static_cast<uint32_t>(signedA >> b) : 0;
    case Op::ShiftLeftLogical:
        return b < 32 ? a << b : 0;
    default:
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: operation %u is not evaluated", static_cast<unsigned>(op));
    }
}

} // namespace saccade::spirv
