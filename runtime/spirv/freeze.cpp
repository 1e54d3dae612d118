// SPDX-License-Identifier: Apache-2.0
#include "spirv/freeze.hpp"

#include <initializer_list>
#include <utility>

#include "spirv/propagation.hpp"

namespace saccade::spirv {

namespace {

class Freezer {
public:
    Freezer(const Module& module, const Constants& constants, std::pmr::memory_resource* memory)
        : module_(module), constants_(constants), propagation_(module, constants, memory),
          known_(module.bound(), false, memory), out_(memory) {
        out_.reserve(module.words().size()); // nothing becomes longer
        propagation_.forEachReached([&](const Instruction& instruction, uint32_t) {
            if (Propagation::isEvaluated(instruction.op))
                known_[instruction[2]] = propagation_.known(instruction[2]).has_value();
        });
    }

    std::pmr::vector<uint32_t> run() {
        const auto header = module_.words().first(headerWords);
        out_.assign(header.begin(), header.end());
        module_.forEach([&](const Instruction& instruction) { add(instruction); });
        return std::move(out_);
    }

private:
    void add(const Instruction& instruction) {
        switch (instruction.op) {
        case Op::Decorate:
            if (instruction[2] != decorationSpecId &&
                !(instruction[2] == decorationBuiltIn && instruction[3] == builtInWorkgroupSize))
                copy(instruction);
            break;
        case Op::ExecutionMode:
            // The built-in has precedence over the mode.
            if (instruction[2] == modeLocalSize && constants_.workgroupSizeId())
                addLocalSize(instruction[1], constants_.workgroupSize());
            else
                copy(instruction);
            break;
        case Op::ExecutionModeId:
            if (instruction[2] == modeLocalSizeId)
                addLocalSize(instruction[1],
                             constants_.workgroupSizeId()
                                 ? constants_.workgroupSize()
                                 : std::array{scalar(instruction, 3), scalar(instruction, 4), scalar(instruction, 5)});
            else
                copy(instruction);
            break;
        case Op::SpecConstantTrue:
        case Op::SpecConstantFalse:
        case Op::SpecConstant:
        case Op::SpecConstantOp:
            addScalar(module_.id(instruction, 1), instruction[2], scalar(instruction, 2));
            break;
        case Op::SpecConstantComposite:
            copy(instruction, firstWord(Op::ConstantComposite, static_cast<uint32_t>(instruction.size())));
            break;
        case Op::Function:
            addKnownResults();
            copy(instruction);
            break;
        default:
            if (!isKnown(instruction))
                copy(instruction);
        }
    }

    bool isKnown(const Instruction& instruction) const {
        return Propagation::isEvaluated(instruction.op) && known_[module_.id(instruction, 2)];
    }

    // As constants before the first function, by the ids that their users have.
    void addKnownResults() {
        if (!std::exchange(beforeFunctions_, false))
            return;
        module_.forEach([&](const Instruction& instruction) {
            if (isKnown(instruction))
                addScalar(module_.id(instruction, 1), instruction[2], *propagation_.known(instruction[2]));
        });
    }

    void copy(const Instruction& instruction) { copy(instruction, instruction[0]); }

    void copy(const Instruction& instruction, uint32_t first) {
        out_.push_back(first);
        out_.insert(out_.end(), instruction.words.begin() + 1, instruction.words.end());
    }

    void write(std::initializer_list<uint32_t> words) { out_.insert(out_.end(), words); }

    void addLocalSize(uint32_t entryPoint, const std::array<uint32_t, 3>& size) {
        write({firstWord(Op::ExecutionMode, 6), entryPoint, modeLocalSize, size[0], size[1], size[2]});
    }

    void addScalar(uint32_t type, uint32_t id, uint32_t value) {
        if (constants_.isBool(type))
            write({firstWord(value ? Op::ConstantTrue : Op::ConstantFalse, 3), type, id});
        else
            write({firstWord(Op::Constant, 4), type, id, value});
    }

    uint32_t scalar(const Instruction& instruction, size_t word) const {
        const std::optional<uint32_t> value = constants_.scalar(module_.id(instruction, word));
        if (!value)
            throw Error(SAC_ERROR_INTERNAL, "SPIR-V: word %zu is the id %u, which is no scalar constant of 32 bits",
                        instruction.at + word, instruction[word]);
        return *value;
    }

    const Module& module_;
    const Constants& constants_;
    const Propagation propagation_;
    std::pmr::vector<bool> known_; ///< results of code that is reached
    bool beforeFunctions_ = true;
    std::pmr::vector<uint32_t> out_;
};

} // namespace

std::pmr::vector<uint32_t> freeze(std::span<const uint32_t> module, std::span<const uint32_t> values,
                                  std::pmr::memory_resource* memory) {
    const Module read(module);
    return Freezer(read, Constants(read, values, memory), memory).run();
}

} // namespace saccade::spirv
