// SPDX-License-Identifier: Apache-2.0
// Specialization constants become literals: by the specification's arithmetic, in every shader with the constants of
// real plans, and without reading past the end of what is malformed.
#include "spirv/freeze.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>

#include "shaders.hpp"
#include "spirv/arithmetic.hpp"
#include "spirv/assembler.hpp"
#include "spirv/bindings_in_use.hpp"
#include "spirv/planned_dispatches.hpp"
#include "support/program.hpp"

namespace saccade::test {
namespace {

using spirv::Op;
using Words = std::vector<uint32_t>;

Words frozen(const Words& module, const Words& values) {
    const auto out = spirv::freeze(module, values, std::pmr::new_delete_resource());
    return {out.begin(), out.end()};
}

// The message; empty: it is frozen.
std::string refusal(const Words& module, const Words& values = {}) {
    try {
        frozen(module, values);
        spirv::bindingsInUse(module, values, std::pmr::new_delete_resource());
        return "";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), SAC_ERROR_INTERNAL);
        return error.what();
    }
}

// Numbers as the SPIR-V specification defines the operations.
TEST(SpirvArithmetic, isTheSpecifications) {
    constexpr uint32_t minus7 = -7u, minus2 = -2u, least = 0x80000000u;
    const struct {
        Op op;
        std::vector<uint32_t> operands;
        uint32_t result;
    } cases[] = {
        {Op::SNegate, {7}, minus7},
        {Op::Not, {0x0f0f0f0f}, 0xf0f0f0f0},
        {Op::LogicalNot, {1}, 0},
        {Op::LogicalNot, {0}, 1},
        {Op::IAdd, {0xffffffff, 3}, 2},
        {Op::ISub, {3, 5}, minus2},
        {Op::IMul, {0x10001, 0x10001}, 0x20001},
        {Op::UDiv, {minus7, 2}, 0x7ffffffc},
        {Op::SDiv, {minus7, 2}, -3u},
        {Op::SDiv, {least, -1u}, least},
        {Op::SDiv, {7, 0}, 0},
        {Op::UDiv, {7, 0}, 0},
        {Op::UMod, {7, 0}, 0},
        {Op::SMod, {7, 0}, 0},
        {Op::SRem, {7, 0}, 0},
        {Op::UMod, {minus7, 4}, 1},
        {Op::SRem, {minus7, 4}, -3u},
        {Op::SMod, {minus7, 4}, 1},
        {Op::SMod, {7, -4u}, -1u},
        {Op::ShiftRightLogical, {minus2, 1}, 0x7fffffff},
        {Op::ShiftRightArithmetic, {minus2, 1}, -1u},
        {Op::ShiftLeftLogical, {3, 31}, 0x80000000},
        {Op::ShiftLeftLogical, {3, 32}, 0},
        {Op::BitwiseOr, {0xc, 0xa}, 0xe},
        {Op::BitwiseXor, {0xc, 0xa}, 0x6},
        {Op::BitwiseAnd, {0xc, 0xa}, 0x8},
        {Op::LogicalOr, {0, 1}, 1},
        {Op::LogicalAnd, {0, 1}, 0},
        {Op::LogicalEqual, {0, 0}, 1},
        {Op::LogicalNotEqual, {0, 0}, 0},
        {Op::Select, {1, 5, 6}, 5},
        {Op::Select, {0, 5, 6}, 6},
        {Op::IEqual, {5, 5}, 1},
        {Op::INotEqual, {5, 5}, 0},
        {Op::UGreaterThan, {minus2, 5}, 1},
        {Op::SGreaterThan, {minus2, 5}, 0},
        {Op::UGreaterThanEqual, {5, 5}, 1},
        {Op::SGreaterThanEqual, {minus2, 5}, 0},
        {Op::ULessThan, {minus2, 5}, 0},
        {Op::SLessThan, {minus2, 5}, 1},
        {Op::ULessThanEqual, {5, 5}, 1},
        {Op::SLessThanEqual, {minus2, 5}, 1},
    };
    for (const auto& [op, operands, result] : cases) {
        EXPECT_EQ(spirv::operandCount(op), operands.size()) << static_cast<int>(op);
        EXPECT_EQ(spirv::evaluate(op, operands), result) << static_cast<int>(op);
    }
    EXPECT_EQ(spirv::operandCount(Op::CompositeExtract), 0u);
}

// Ids of the module below.
enum : uint32_t { uintType = 1, boolType, vector, three, size0, size, flag, sum, wide, y, entry, bound };

Words small() {
    return Assembler(bound)
        .add(Op::ExecutionMode, {entry, spirv::modeLocalSize, 1, 1, 1})
        .add(Op::Decorate, {size0, spirv::decorationSpecId, 0})
        .add(Op::Decorate, {flag, spirv::decorationSpecId, 2})
        .add(Op::Decorate, {size, spirv::decorationBuiltIn, spirv::builtInWorkgroupSize})
        .add(Op::TypeInt, {uintType, 32, 0})
        .add(Op::TypeBool, {boolType})
        .add(23, {vector, uintType, 3}) // OpTypeVector
        .add(Op::Constant, {uintType, three, 3})
        .add(Op::SpecConstant, {uintType, size0, 1})
        .add(Op::SpecConstantComposite, {vector, size, size0, three, three})
        .add(Op::SpecConstantFalse, {boolType, flag})
        .add(Op::SpecConstantOp, {uintType, sum, static_cast<uint32_t>(Op::IAdd), size0, three})
        .add(Op::SpecConstantOp, {uintType, y, static_cast<uint32_t>(Op::CompositeExtract), size, 0})
        .add(Op::SpecConstantOp, {boolType, wide, static_cast<uint32_t>(Op::UGreaterThan), sum, y})
        .words;
}

TEST(Freeze, leavesLiterals) {
    const auto expected = [](uint32_t first, bool flagged) {
        const auto boolean = [](bool value) { return value ? Op::ConstantTrue : Op::ConstantFalse; };
        return Assembler(bound)
            .add(Op::ExecutionMode, {entry, spirv::modeLocalSize, first, 3, 3})
            .add(Op::TypeInt, {uintType, 32, 0})
            .add(Op::TypeBool, {boolType})
            .add(23, {vector, uintType, 3})
            .add(Op::Constant, {uintType, three, 3})
            .add(Op::Constant, {uintType, size0, first})
            .add(Op::ConstantComposite, {vector, size, size0, three, three})
            .add(boolean(flagged), {boolType, flag})
            .add(Op::Constant, {uintType, sum, first + 3})
            .add(Op::Constant, {uintType, y, first})
            .add(Op::ConstantTrue, {boolType, wide})
            .words;
    };
    EXPECT_EQ(frozen(small(), {64, 99, 7}), expected(64, true));
    EXPECT_EQ(frozen(small(), {64, 99, 0}), expected(64, false));
    EXPECT_EQ(frozen(small(), {}), expected(1, false)) << "defaults";
}

// What code computes of constants becomes a constant before the first function; what it computes of others, and what is
// never reached, stays.
TEST(Freeze, foldsResultsInCode) {
    enum : uint32_t {
        number = 1,
        boolean,
        lanes,
        two,
        variable,
        doubled,
        isFour,
        loaded,
        mixed,
        yes,
        no,
        end,
        dead,
        last
    };
    const auto module = [](Op declared, uint32_t value) {
        return Assembler(last)
            .add(Op::TypeInt, {number, 32, 0})
            .add(Op::TypeBool, {boolean})
            .add(declared, {number, lanes, value})
            .add(Op::Constant, {number, two, 2})
            .add(Op::Variable, {number, variable, 12});
    };
    const auto function = [](Assembler code, bool folded) {
        code.add(Op::Function, {number, end + 100, 0, number}).add(Op::Label, {yes});
        if (!folded)
            code.add(Op::IMul, {number, doubled, lanes, two}).add(Op::IEqual, {boolean, isFour, doubled, two});
        return code.add(Op::Load, {number, loaded, variable})
            .add(Op::IMul, {number, mixed, loaded, doubled})
            .add(Op::BranchConditional, {isFour, no, end})
            .add(Op::Label, {no})
            .add(Op::IMul, {number, dead, two, two})
            .add(Op::Branch, {end})
            .add(Op::Label, {end})
            .add(Op::Return, {})
            .words;
    };
    Words specialized = function(module(Op::SpecConstant, 5), false);
    const Words decoration = Assembler(last).add(Op::Decorate, {lanes, spirv::decorationSpecId, 0}).words;
    specialized.insert(specialized.begin() + 5, decoration.begin() + 5, decoration.end());
    EXPECT_EQ(
        frozen(specialized, {8}),
        function(
            module(Op::Constant, 8).add(Op::Constant, {number, doubled, 16}).add(Op::ConstantFalse, {boolean, isFour}),
            true));
}

TEST(Freeze, makesLocalSizeOfIds) {
    const Words ids = Assembler(4)
                          .add(Op::ExecutionModeId, {3, spirv::modeLocalSizeId, 2, 2, 2})
                          .add(Op::Decorate, {2, spirv::decorationSpecId, 0})
                          .add(Op::TypeInt, {1, 32, 0})
                          .add(Op::SpecConstant, {1, 2, 1})
                          .words;
    const Words literal = Assembler(4)
                              .add(Op::ExecutionMode, {3, spirv::modeLocalSize, 8, 8, 8})
                              .add(Op::TypeInt, {1, 32, 0})
                              .add(Op::Constant, {1, 2, 8})
                              .words;
    EXPECT_EQ(frozen(ids, {8}), literal);
}

TEST(Freeze, refusesWhatItCannotFold) {
    const auto type64 = [] { return Assembler(9).add(Op::TypeInt, {1, 64, 0}); };
    EXPECT_EQ(refusal(type64().add(Op::SpecConstant, {1, 2, 1, 0}).words),
              "SPIR-V: the constant at word 9 is neither a bool nor a scalar of 32 bits");
    const auto type32 = [] { return Assembler(9).add(Op::TypeInt, {1, 32, 0}); };
    EXPECT_EQ(refusal(type32().add(Op::SpecConstantOp, {1, 2, 79, 3, 3}).words),
              "SPIR-V: the constant at word 9 is operation 79 over 2 operands");
    EXPECT_EQ(refusal(type32().add(Op::SpecConstantOp, {1, 2, static_cast<uint32_t>(Op::IAdd), 3, 3}).words),
              "SPIR-V: word 13 is the id 3, which is no scalar constant of 32 bits");
    EXPECT_EQ(refusal(type32().add(Op::SpecConstant, {1, 9, 1}).words), "SPIR-V: word 11 is 9, ids are 1 to 8");
    EXPECT_EQ(refusal({0x07230203, 0, 0}), "SPIR-V: 3 words are no header");
    EXPECT_EQ(refusal({0x03022307, 0, 0, 4, 0}), "SPIR-V: the first word is 0x03022307, not 0x07230203");
    EXPECT_EQ(refusal({0x07230203, 0, 0, 0x400000, 0}), "SPIR-V: the bound of ids is 4194304, it can be 1 to 4194303");
    EXPECT_EQ(refusal({0x07230203, 0, 0, 4, 0, spirv::firstWord(Op::TypeBool, 2)}),
              "SPIR-V: the instruction at word 5 has 2 words, 1 are left");
    EXPECT_EQ(refusal({0x07230203, 0, 0, 4, 0, spirv::firstWord(Op::TypeBool, 0)}),
              "SPIR-V: the instruction at word 5 has 0 words, 1 are left");
}

TEST(Freeze, allocatesWhereItIsTold) {
    const ShaderCode& gemm = shaderCode(Shader::gemm);
    const std::span<const uint32_t> words(gemm.words, gemm.bytes / 4);
    std::pmr::memory_resource* before = std::pmr::set_default_resource(std::pmr::null_memory_resource());
    const std::vector<uint32_t> values{64, 8, 8};
    EXPECT_NO_THROW(spirv::freeze(words, values, std::pmr::new_delete_resource()));
    EXPECT_NO_THROW(spirv::bindingsInUse(words, values, std::pmr::new_delete_resource()));
    std::pmr::set_default_resource(before);
}

// Run under AddressSanitizer, this also tells a read past the end.
TEST(Freeze, survivesMalformedWords) {
    const spirv::Module gemm({shaderCode(Shader::gemm).words, shaderCode(Shader::gemm).bytes / 4});
    const Words whole(gemm.words().begin(), gemm.words().end());
    size_t refused = 0;
    for (size_t length = 0; length < whole.size(); length += 1 + length / 16)
        refused += !refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}).empty();
    EXPECT_GT(refused, 10u);
    std::mt19937 random(7);
    for (int i = 0; i < 400; ++i) {
        Words changed = whole;
        for (int j = 0; j < 3; ++j)
            changed[random() % changed.size()] = random() % 2 ? random() : random() % gemm.bound();
        refusal(changed, {64, 8, 8});
    }
}

TEST(Freeze, makesValidModulesOfEveryShader) {
    std::map<Shader, std::set<Words>> constants;
    for (const PlannedDispatch& dispatch : plannedDispatches())
        constants[dispatch.shader].insert(dispatch.constants);
    const ScratchFolder scratch;
    size_t count = 0;
    for (unsigned i = 0; i < shaderCount; ++i) {
        const auto shader = static_cast<Shader>(i);
        const ShaderCode& code = shaderCode(shader);
        const Words words(code.words, code.words + code.bytes / 4);
        if (!constants.contains(shader)) // no file has it
            constants[shader] = {{32}};
        for (const Words& values : constants.at(shader)) {
            const Words result = frozen(words, values);
            EXPECT_LE(result.size(), words.size());
            spirv::Module(result).forEach([&](const spirv::Instruction& instruction) {
                EXPECT_FALSE(instruction.op >= Op::SpecConstantTrue && instruction.op <= Op::SpecConstantOp);
                if (instruction.op == Op::ExecutionMode && instruction[2] == spirv::modeLocalSize) {
                    EXPECT_EQ(instruction[3], values[0]) << code.name;
                }
            });
            EXPECT_EQ(frozen(result, values), result) << "what is frozen stays as it is";
            const std::string file = scratch.file(std::to_string(count++) + code.name + ".spv");
            std::ofstream(file, std::ios::binary)
                .write(reinterpret_cast<const char*>(result.data()), static_cast<std::streamsize>(result.size() * 4));
            const ProgramResult validated = runProgram({SACCADE_SPIRV_VAL_PROGRAM, "--target-env", "vulkan1.1", file});
            EXPECT_EQ(validated.exitCode, 0) << code.name << ": " << validated.out << validated.err;
        }
    }
    RecordProperty("modules", static_cast<int>(count));
}

} // namespace
} // namespace saccade::test
