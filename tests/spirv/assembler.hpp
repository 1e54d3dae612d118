// SPDX-License-Identifier: Apache-2.0
// Small modules, instruction by instruction.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "spirv/module.hpp"

namespace saccade::test {

class Assembler {
public:
    /// Ids are below `bound`.
    explicit Assembler(uint32_t bound) : words{0x07230203, 0x00010300, 0, bound, 0} {}

    /// `operands`: all words but the first.
    Assembler& add(spirv::Op op, std::initializer_list<uint32_t> operands) {
        words.push_back(spirv::firstWord(op, static_cast<uint32_t>(operands.size()) + 1));
        words.insert(words.end(), operands);
        return *this;
    }
    Assembler& add(uint32_t op, std::initializer_list<uint32_t> operands) {
        return add(static_cast<spirv::Op>(op), operands);
    }

    std::vector<uint32_t> words;
};

} // namespace saccade::test
