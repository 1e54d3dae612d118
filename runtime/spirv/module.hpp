// SPDX-License-Identifier: Apache-2.0
// SPIR-V as words and instructions, read without going past the end: The Khronos Group, SPIR-V Specification, chapters
// 2.3 and 3. What is not named here, the library does not look into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.hpp"

namespace saccade::spirv {

enum class Op : uint16_t {
    ExecutionMode = 16,
    TypeBool = 20,
    TypeInt = 21,
    TypeFloat = 22,
    ConstantTrue = 41,
    ConstantFalse = 42,
    Constant = 43,
    ConstantComposite = 44,
    SpecConstantTrue = 48,
    SpecConstantFalse = 49,
    SpecConstant = 50,
    SpecConstantComposite = 51,
    SpecConstantOp = 52,
    Function = 54,
    FunctionCall = 57,
    Variable = 59,
    ImageTexelPointer = 60,
    Load = 61,
    Store = 62,
    CopyMemory = 63,
    AccessChain = 65,
    InBoundsAccessChain = 66,
    ArrayLength = 68,
    Decorate = 71,
    CompositeExtract = 81,
    CopyObject = 83,
    SNegate = 126,
    IAdd = 128,
    ISub = 130,
    IMul = 132,
    UDiv = 134,
    SDiv = 135,
    UMod = 137,
    SRem = 138,
    SMod = 139,
    LogicalEqual = 164,
    LogicalNotEqual = 165,
    LogicalOr = 166,
    LogicalAnd = 167,
    LogicalNot = 168,
    Select = 169,
    IEqual = 170,
    INotEqual = 171,
    UGreaterThan = 172,
    SGreaterThan = 173,
    UGreaterThanEqual = 174,
    SGreaterThanEqual = 175,
    ULessThan = 176,
    SLessThan = 177,
    ULessThanEqual = 178,
    SLessThanEqual = 179,
    ShiftRightLogical = 194,
    ShiftRightArithmetic = 195,
    ShiftLeftLogical = 196,
    BitwiseOr = 197,
    BitwiseXor = 198,
    BitwiseAnd = 199,
    Not = 200,
    AtomicLoad = 227,
    AtomicXor = 242,
    Phi = 245,
    Label = 248,
    Branch = 249,
    BranchConditional = 250,
    Switch = 251,
    Kill = 252,
    Return = 253,
    ReturnValue = 254,
    Unreachable = 255,
    ExecutionModeId = 331,
};

// Of Op::Decorate and Op::ExecutionMode.
constexpr uint32_t decorationSpecId = 1, decorationBuiltIn = 11, decorationBinding = 33, decorationDescriptorSet = 34;
constexpr uint32_t builtInWorkgroupSize = 25;
constexpr uint32_t modeLocalSize = 17, modeLocalSizeId = 38;

constexpr uint32_t headerWords = 5;

/// The first word of an instruction.
constexpr uint32_t firstWord(Op op, uint32_t wordCount) { return wordCount << 16 | static_cast<uint32_t>(op); }

struct Instruction {
    Op op{};
    size_t at = 0;                     ///< its first word in the module
    std::span<const uint32_t> words{}; ///< with the first

    size_t size() const { return words.size(); }
    /// Word n. Throws SAC_ERROR_INTERNAL where the instruction has none.
    uint32_t operator[](size_t n) const {
        if (n >= words.size())
            throw Error(SAC_ERROR_INTERNAL, "SPIR-V: the instruction %u at word %zu has %zu words, no word %zu",
                        static_cast<unsigned>(op), at, words.size(), n);
        return words[n];
    }
};

class Module {
public:
    /// Checks the header and the length of each instruction. Throws SAC_ERROR_INTERNAL naming the word that is wrong.
    /// The words outlive the module.
    explicit Module(std::span<const uint32_t> words);

    std::span<const uint32_t> words() const { return words_; }
    uint32_t bound() const { return words_[3]; } ///< ids are below

    /// The instruction whose first word is word `at`, as Instruction::at says.
    Instruction at(size_t at) const {
        return {static_cast<Op>(words_[at] & 0xffff), at, words_.subspan(at, words_[at] >> 16)};
    }

    /// Word n of an instruction, which is an id. Throws SAC_ERROR_INTERNAL for a number that is none.
    uint32_t id(const Instruction& instruction, size_t n) const {
        const uint32_t id = instruction[n];
        if (id == 0 || id >= bound())
            throw Error(SAC_ERROR_INTERNAL, "SPIR-V: word %zu is %u, ids are 1 to %u", instruction.at + n, id,
                        bound() - 1);
        return id;
    }

    /// Calls `visit` with each instruction in order.
    template <class Visit>
    void forEach(const Visit& visit) const {
        for (size_t word = headerWords; word < words_.size(); word += words_[word] >> 16)
            visit(at(word));
    }

private:
    std::span<const uint32_t> words_;
};

} // namespace saccade::spirv
