// SPDX-License-Identifier: Apache-2.0
#include "spirv/bindings_in_use.hpp"

#include <utility>
#include <vector>

#include "base/fixed_vector.hpp"
#include "spirv/arithmetic.hpp"
#include "spirv/constants.hpp"

namespace saccade::spirv {

namespace {

// What is known of an id. It only ever moves down this list.
enum class Knowledge : uint8_t { undetermined, constant, varying };
struct Value {
    Knowledge knowledge = Knowledge::varying;
    uint32_t word = 0;

    friend bool operator==(const Value&, const Value&) = default;
};

bool isTerminator(Op op) { return op >= Op::Branch && op <= Op::Unreachable; }

class Propagation {
public:
    Propagation(const Module& module, const Constants& constants, std::pmr::memory_resource* memory)
        : module_(module), values_(module.bound(), memory), terminators_(module.bound(), memory),
          reached_(module.bound(), memory) {
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
            if (const std::optional<uint32_t> known = constants.scalar(id))
                values_[id] = {Knowledge::constant, *known};
        do {
            changed_ = false;
            forEachReached([&](const Instruction& instruction) { step(instruction); });
        } while (changed_);
    }

    /// Calls `visit` with each instruction of a block that is reached.
    template <class Visit>
    void forEachReached(const Visit& visit) {
        block_ = 0;
        module_.forEach([&](const Instruction& instruction) {
            if (instruction.op == Op::Label)
                block_ = module_.id(instruction, 1);
            else if (reached_[block_])
                visit(instruction);
        });
    }

private:
    static bool isEvaluated(Op op) { return op == Op::Phi || operandCount(op); }

    void step(const Instruction& instruction) {
        if (isEvaluated(instruction.op)) {
            const Value value = instruction.op == Op::Phi ? ofPhi(instruction) : ofOperation(instruction);
            Value& known = values_[module_.id(instruction, 2)];
            // A result that was undetermined may become either of the others, a constant only varying.
            if (value != known && value.knowledge != Knowledge::undetermined) {
                known = known.knowledge == Knowledge::undetermined ? value : Value{};
                changed_ = true;
            }
        } else if (isTerminator(instruction.op)) {
            forEachTarget(instruction, [&](uint32_t target) {
                if (!reached_[target])
                    changed_ = true;
                reached_[target] = true;
            });
        }
    }

    // Words: first, type, result, operands.
    Value ofOperation(const Instruction& instruction) const {
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

    // Whether one operand gives the result, whatever the others are.
    static bool decides(Op op, uint32_t operand, const Value& value) {
        if (value.knowledge != Knowledge::constant)
            return false;
        return (op == Op::LogicalAnd && !value.word) || (op == Op::LogicalOr && value.word) ||
               ((op == Op::IMul || op == Op::BitwiseAnd) && !value.word) || (op == Op::Select && operand == 0);
    }
    Value decided(const Instruction& instruction, const Value& value) const {
        if (instruction.op != Op::Select)
            return {Knowledge::constant, value.word};
        return values_[module_.id(instruction, value.word ? 4 : 5)];
    }

    // Words: first, type, result, then a value and the block it comes from, and so on.
    Value ofPhi(const Instruction& instruction) const {
        Value merged{Knowledge::undetermined};
        for (size_t i = 3; i < instruction.size(); i += 2) {
            const Value& value = values_[module_.id(instruction, i)];
            if (value.knowledge == Knowledge::undetermined || !goes(module_.id(instruction, i + 1), block_))
                continue;
            if (merged.knowledge == Knowledge::undetermined)
                merged = value;
            else if (value != merged)
                return {};
        }
        return merged;
    }

    // Whether control can pass from one block to the other.
    bool goes(uint32_t from, uint32_t to) const {
        bool found = false;
        if (reached_[from] && terminators_[from])
            forEachTarget(module_.at(terminators_[from]), [&](uint32_t target) { found = found || target == to; });
        return found;
    }

    // The blocks that may follow, as far as the condition is known. Where it is undetermined, its own block has not
    // been evaluated yet.
    template <class Visit>
    void forEachTarget(const Instruction& instruction, const Visit& visit) const {
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

    const Module& module_;
    std::pmr::vector<Value> values_;       ///< of each id
    std::pmr::vector<size_t> terminators_; ///< of each block: the word where its last instruction begins
    std::pmr::vector<bool> reached_;       ///< each block, by its label
    uint32_t block_ = 0;                   ///< that is visited
    bool changed_ = false;
};

// The numbers of the variables of set 0, and what pointers lead to.
class Variables {
public:
    Variables(const Module& module, std::pmr::memory_resource* memory)
        : module_(module), bindings_(module.bound(), none, memory), roots_(module.bound(), memory) {
        std::pmr::vector<bool> inSet0(module.bound(), memory);
        module.forEach([&](const Instruction& instruction) {
            if (instruction.op == Op::Decorate && instruction[2] == decorationDescriptorSet)
                inSet0[module.id(instruction, 1)] = instruction[3] == 0;
            else if (instruction.op == Op::Decorate && instruction[2] == decorationBinding)
                bindings_[module.id(instruction, 1)] = instruction[3];
            else if (instruction.op == Op::Variable)
                roots_[module.id(instruction, 2)] = instruction[2];
            else if (instruction.op == Op::AccessChain || instruction.op == Op::InBoundsAccessChain ||
                     instruction.op == Op::CopyObject)
                roots_[module.id(instruction, 2)] = roots_[module.id(instruction, 3)];
        });
        for (uint32_t id = 0; id < module.bound(); ++id) {
            if (!inSet0[id])
                bindings_[id] = none;
            if (bindings_[id] != none && bindings_[id] >= 64)
                throw Error(SAC_ERROR_INTERNAL, "SPIR-V: variable %u has binding %u, 63 is the largest that is counted",
                            id, bindings_[id]);
        }
    }

    void add(BindingsInUse& uses, const Instruction& instruction) const {
        switch (instruction.op) {
        case Op::Load:
        case Op::ArrayLength:
            uses.read |= bit(instruction, 3);
            break;
        case Op::Store:
            uses.written |= bit(instruction, 1);
            break;
        case Op::CopyMemory:
            uses.written |= bit(instruction, 1);
            uses.read |= bit(instruction, 2);
            break;
        case Op::FunctionCall: // what the function does with a pointer is not followed
            for (size_t i = 4; i < instruction.size(); ++i)
                addBoth(uses, bit(instruction, i));
            break;
        case Op::ImageTexelPointer:
            addBoth(uses, bit(instruction, 3));
            break;
        default:
            // Among these, AtomicStore alone has its pointer where others have their type, which is no variable.
            if (instruction.op >= Op::AtomicLoad && instruction.op <= Op::AtomicXor)
                addBoth(uses, bit(instruction, 1) | (instruction.size() > 3 ? bit(instruction, 3) : 0));
        }
    }

private:
    static constexpr uint32_t none = ~0u;

    static void addBoth(BindingsInUse& uses, uint64_t bits) {
        uses.read |= bits;
        uses.written |= bits;
    }

    uint64_t bit(const Instruction& instruction, size_t word) const {
        const uint32_t binding = bindings_[roots_[module_.id(instruction, word)]];
        return binding == none ? 0 : uint64_t{1} << binding;
    }

    const Module& module_;
    std::pmr::vector<uint32_t> bindings_; ///< of each variable of set 0
    std::pmr::vector<uint32_t> roots_;    ///< of each pointer: its variable, or 0
};

} // namespace

BindingsInUse bindingsInUse(std::span<const uint32_t> module, std::span<const uint32_t> values,
                            std::pmr::memory_resource* memory) {
    const Module read(module);
    const Variables variables(read, memory);
    Propagation reached(read, Constants(read, values, memory), memory);
    BindingsInUse uses;
    reached.forEachReached([&](const Instruction& instruction) { variables.add(uses, instruction); });
    return uses;
}

} // namespace saccade::spirv
