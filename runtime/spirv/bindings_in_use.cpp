// SPDX-License-Identifier: Apache-2.0
#include "spirv/bindings_in_use.hpp"

#include <vector>

#include "spirv/propagation.hpp"

namespace saccade::spirv {

namespace {

// The numbers of the variables of set 0, and what pointers lead to.
class Variables {
public:
    Variables(const Module& module, std::pmr::memory_resource* memory)
        : module_(module), bindings_(module.bound(), none, memory), roots_(module.bound(), memory) {
        std::pmr::vector<bool> inSet0(module.bound(), false, memory);
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
    const Propagation reached(read, Constants(read, values, memory), memory);
    BindingsInUse uses;
    reached.forEachReached([&](const Instruction& instruction, uint32_t) { variables.add(uses, instruction); });
    return uses;
}

} // namespace saccade::spirv
