// SPDX-License-Identifier: Apache-2.0
#include "spirv/propagation.hpp"

#include <utility>

#include "base/fixed_vector.hpp"
#include "spirv/arithmetic.hpp"

namespace saccade::spirv {

namespace {

bool isTerminator(Op op) { return op >= Op::Branch && op <= Op::Unreachable; }

} // namespace

bool Propagation::isEvaluated(Op op) { return op == Op::Phi || operandCount(op); }

Propagation::Propagation(const Module& module, const Constants& constants, std::pmr::memory_resource* memory)
    : module_(module), values_(module.bound(), memory), terminators_(module.bound(), memory),
      reached_(module.bound(), false, memory) {
    bool first = false; // of a function's blocks: the one that is entered
    uint32_t block = 0;
    module.forEach([&](const Instruction& instruction) {
        if (isEvaluated(instruction.op))
            values_[module.id(instruction, 2)].knowledge = Knowledge::undetermined;
        else if (instruction.op == Op::Function)
            first = true;
        else if (instruction.op == Op::Label) {
            block = module.id(instruction, 1);
            reached_[block] = std::exchange(first, false);
        } else if (isTerminator(instruction.op))
            terminators_[block] = instruction.at;
    });
    for (uint32_t id = 1; id < module.bound(); ++id)
        if (const std::optional<uint32_t> value = constants.scalar(id))
            values_[id] = {Knowledge::constant, *value};
    for (bool changed = true; changed;) {
        changed = false;
        forEachReached(
            [&](const Instruction& instruction, uint32_t in) { changed = step(instruction, in) || changed; });
    }
}

// Returns whether anything became known or reached.
bool Propagation::step(const Instruction& instruction, uint32_t block) {
    bool changed = false;
    if (isEvaluated(instruction.op)) {
        const Value value = instruction.op == Op::Phi ? ofPhi(instruction, block) : ofOperation(instruction);
        Value& known = values_[module_.id(instruction, 2)];
        // A result that was undetermined may become either of the others, a constant only varying.
        if (value != known && value.knowledge != Knowledge::undetermined) {
            known = known.knowledge == Knowledge::undetermined ? value : Value{};
            changed = true;
        }
    } else if (isTerminator(instruction.op)) {
        forEachTarget(instruction, [&](uint32_t target) {
            changed = changed || !reached_[target];
            reached_[target] = true;
        });
    }
    return changed;
}

// The blocks that may follow, as far as the condition is known. Where it is undetermined, its own block has not
// been evaluated yet.
template <class Visit>
void Propagation::forEachTarget(const Instruction& instruction, const Visit& visit) const {
    const auto target = [&](size_t word) { visit(module_.id(instruction, word)); };
    if (instruction.op == Op::Branch)
        target(1);
    if (instruction.op != Op::BranchConditional && instruction.op != Op::Switch)
        return;
    const Value& condition = values_[module_.id(instruction, 1)];
    const bool varies = condition.knowledge == Knowledge::varying;
    if (condition.knowledge == Knowledge::undetermined)
        return;
    if (instruction.op == Op::BranchConditional) {
        if (varies || condition.word)
            target(2);
        if (varies || !condition.word)
            target(3);
        return;
    }
    bool isDefault = true; // then a literal of 32 bits and its block, and so on
    for (size_t i = 3; i < instruction.size(); i += 2)
        if (varies || instruction[i] == condition.word) {
            isDefault = isDefault && varies;
            target(i + 1);
        }
    if (varies || isDefault)
        target(2);
}

// Whether control can pass from one block to the other.
bool Propagation::goes(uint32_t from, uint32_t to) const {
    bool found = false;
    if (reached_[from] && terminators_[from])
        forEachTarget(module_.at(terminators_[from]), [&](uint32_t target) { found = found || target == to; });
    return found;
}

// Words: first, type, result, then a value and the block it comes from, and so on.
Propagation::Value Propagation::ofPhi(const Instruction& instruction, uint32_t block) const {
    Value merged{Knowledge::undetermined};
    for (size_t i = 3; i < instruction.size(); i += 2) {
        const Value& value = values_[module_.id(instruction, i)];
        if (value.knowledge == Knowledge::undetermined || !goes(module_.id(instruction, i + 1), block))
            continue;
        if (merged.knowledge == Knowledge::undetermined)
            merged = value;
        else if (value != merged)
            return {};
    }
    return merged;
}

// Whether one operand gives the result, whatever the others are.
bool Propagation::decides(Op op, uint32_t operand, const Value& value) {
    if (value.knowledge != Knowledge::constant)
        return false;
    return (op == Op::LogicalAnd && !value.word) || (op == Op::LogicalOr && value.word) ||
           ((op == Op::IMul || op == Op::BitwiseAnd) && !value.word) || (op == Op::Select && operand == 0);
}

Propagation::Value Propagation::decided(const Instruction& instruction, const Value& value) const {
    if (instruction.op != Op::Select)
        return {Knowledge::constant, value.word};
    return values_[module_.id(instruction, value.word ? 4 : 5)];
}

// Words: first, type, result, operands.
Propagation::Value Propagation::ofOperation(const Instruction& instruction) const {
    FixedVector<uint32_t, 3> operands;
    bool undetermined = false, varies = false;
    for (uint32_t i = 0; i < operandCount(instruction.op); ++i) {
        const Value& value = values_[module_.id(instruction, 3 + i)];
        if (decides(instruction.op, i, value))
            return decided(instruction, value);
        undetermined = undetermined || value.knowledge == Knowledge::undetermined;
        varies = varies || value.knowledge == Knowledge::varying;
        operands.push_back(value.word);
    }
    if (undetermined)
        return {Knowledge::undetermined};
    if (varies)
        return {};
    return {Knowledge::constant, evaluate(instruction.op, {operands.data(), operands.size()})};
}

} // namespace saccade::spirv
