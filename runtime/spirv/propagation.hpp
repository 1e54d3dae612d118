// SPDX-License-Identifier: Apache-2.0
// What specialization constants decide of a module's code: which blocks are reached, and which results are known.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "spirv/constants.hpp"

namespace saccade::spirv {

/// Sparse conditional constant propagation (Wegman and Zadeck, ACM TOPLAS 13(2), 1991) over booleans and scalars of 32
/// bits. What it cannot tell counts as reached, and as not known.
class Propagation {
public:
    /// Throws SAC_ERROR_INTERNAL for a malformed module. The module outlives this.
    Propagation(const Module& module, const Constants& constants, std::pmr::memory_resource* memory);

    /// Calls `visit` with each instruction of a block that is reached.
    template <class Visit>
    void forEachReached(const Visit& visit) const {
        uint32_t block = 0;
        module_.forEach([&](const Instruction& instruction) {
            if (instruction.op == Op::Label)
                block = module_.id(instruction, 1);
            else if (reached_[block])
                visit(instruction, block);
        });
    }

    /// The number that a result has whenever its block is reached.
    std::optional<uint32_t> known(uint32_t id) const {
        const Value& value = values_[id];
        return value.knowledge == Knowledge::constant ? std::optional(value.word) : std::nullopt;
    }

    /// Whether it has a result, word 2, that may be known.
    static bool isEvaluated(Op op);

private:
    // What is known of an id. It only ever moves down this list.
    enum class Knowledge : uint8_t { undetermined, constant, varying };
    struct Value {
        Knowledge knowledge = Knowledge::varying;
        uint32_t word = 0;

        friend bool operator==(const Value&, const Value&) = default;
    };

    bool step(const Instruction& instruction, uint32_t block);
    Value ofOperation(const Instruction& instruction) const;
    Value ofPhi(const Instruction& instruction, uint32_t block) const;
    Value decided(const Instruction& instruction, const Value& value) const;
    static bool decides(Op op, uint32_t operand, const Value& value);
    bool goes(uint32_t from, uint32_t to) const;
    template <class Visit>
    void forEachTarget(const Instruction& instruction, const Visit& visit) const;

    const Module& module_;
    std::pmr::vector<Value> values_;       ///< of each id
    std::pmr::vector<size_t> terminators_; ///< of each block: the word where its last instruction begins
    std::pmr::vector<bool> reached_;       ///< each block, by its label
};

} // namespace saccade::spirv
