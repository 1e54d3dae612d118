// SPDX-License-Identifier: Apache-2.0
#include "spirv/constants.hpp"

#include "base/fixed_vector.hpp"
#include "spirv/arithmetic.hpp"

namespace saccade::spirv {

Constants::Constants(const Module& module, std::span<const uint32_t> values, std::pmr::memory_resource* memory)
    : module_(module), entries_(module.bound(), memory) {
    // Decorations come before constants, and constants before their users.
    module.forEach([&](const Instruction& instruction) { read(instruction, values); });
}

void Constants::read(const Instruction& instruction, std::span<const uint32_t> values) {
    const auto define = [&](Kind kind, uint32_t word) { entries_[module_.id(instruction, 2)] = {kind, word}; };
    // What the caller gives for the constant that an instruction declares.
    const auto given = [&](uint32_t otherwise) {
        const Entry& entry = entries_[module_.id(instruction, 2)];
        return entry.kind == Kind::specialized && entry.word < values.size() ? values[entry.word] : otherwise;
    };
    switch (instruction.op) {
    case Op::Decorate:
        if (instruction[2] == decorationSpecId)
            entries_[module_.id(instruction, 1)] = {Kind::specialized, instruction[3]};
        else if (instruction[2] == decorationBuiltIn && instruction[3] == builtInWorkgroupSize)
            workgroupSize_ = module_.id(instruction, 1);
        break;
    case Op::TypeBool:
        entries_[module_.id(instruction, 1)].kind = Kind::boolType;
        break;
    case Op::TypeInt:
    case Op::TypeFloat:
        if (instruction[2] == 32)
            entries_[module_.id(instruction, 1)].kind = Kind::wordType;
        break;
    case Op::ConstantTrue:
    case Op::ConstantFalse:
        define(Kind::scalar, instruction.op == Op::ConstantTrue);
        break;
    case Op::SpecConstantTrue:
    case Op::SpecConstantFalse:
        define(Kind::scalar, given(instruction.op == Op::SpecConstantTrue) != 0);
        break;
    case Op::Constant:
        if (entries_[module_.id(instruction, 1)].kind == Kind::wordType)
            define(Kind::scalar, instruction[3]);
        break;
    case Op::SpecConstant:
        requireScalarType(instruction);
        define(Kind::scalar, given(instruction[3]));
        break;
    case Op::ConstantComposite:
    case Op::SpecConstantComposite:
        define(Kind::composite, static_cast<uint32_t>(instruction.at));
        break;
    case Op::SpecConstantOp:
        requireScalarType(instruction);
        define(Kind::scalar, evaluateOperation(instruction));
        break;
    default:
        break;
    }
}

void Constants::requireScalarType(const Instruction& instruction) const {
    const Kind kind = entries_[module_.id(instruction, 1)].kind;
    if (kind != Kind::wordType && kind != Kind::boolType)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: the constant at word %zu is neither a bool nor a scalar of 32 bits",
                    instruction.at);
}

uint32_t Constants::requireScalar(const Instruction& instruction, size_t word) const {
    const std::optional<uint32_t> value = scalar(module_.id(instruction, word));
    if (!value)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: word %zu is the id %u, which is no scalar constant of 32 bits",
                    instruction.at + word, instruction[word]);
    return *value;
}

// OpSpecConstantOp has the words: first, type, result, operation, operands.
uint32_t Constants::evaluateOperation(const Instruction& instruction) const {
    const auto op = static_cast<Op>(instruction[3]);
    if (op == Op::CompositeExtract)
        return extract(instruction);
    const uint32_t count = operandCount(op);
    if (count == 0 || instruction.size() != 4 + count)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: the constant at word %zu is operation %u over %zu operands",
                    instruction.at, instruction[3], instruction.size() - 4);
    FixedVector<uint32_t, 3> operands;
    for (uint32_t i = 0; i < count; ++i)
        operands.push_back(requireScalar(instruction, 4 + i));
    return evaluate(op, std::span<const uint32_t>(operands.data(), operands.size()));
}

uint32_t Constants::extract(const Instruction& instruction) const {
    const Entry& entry = entries_[module_.id(instruction, 4)];
    if (entry.kind != Kind::composite || instruction.size() != 6)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: the constant at word %zu is no component of a composite constant",
                    instruction.at);
    // A number that would wrap around is no component either.
    const size_t component = 3 + size_t{instruction[5]};
    return requireScalar(module_.at(entry.word), component);
}

std::optional<uint32_t> Constants::scalar(uint32_t id) const {
    const Entry& entry = entries_[id];
    return entry.kind == Kind::scalar ? std::optional(entry.word) : std::nullopt;
}

std::array<uint32_t, 3> Constants::workgroupSize() const {
    const Entry& entry = entries_[workgroupSize_];
    if (entry.kind != Kind::composite)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: WorkgroupSize, id %u, is no composite constant", workgroupSize_);
    const Instruction instruction = module_.at(entry.word);
    return {requireScalar(instruction, 3), requireScalar(instruction, 4), requireScalar(instruction, 5)};
}

} // namespace saccade::spirv
