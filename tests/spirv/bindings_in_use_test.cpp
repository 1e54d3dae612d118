// SPDX-License-Identifier: Apache-2.0
// Bindings behind branches that constants never take are not in use, and no shader touches more than its kernel says.
#include "spirv/bindings_in_use.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "shaders.hpp"
#include "spirv/assembler.hpp"
#include "spirv/planned_dispatches.hpp"

namespace saccade::test {
namespace {

using spirv::BindingsInUse;
using spirv::Op;
using Words = std::vector<uint32_t>;

BindingsInUse inUse(const Words& module, const Words& values) {
    return spirv::bindingsInUse(module, values, std::pmr::new_delete_resource());
}

// Bits of the bindings that are read and that are written.
using Bits = std::pair<uint64_t, uint64_t>;
Bits bits(const Words& module, const Words& values) {
    const BindingsInUse uses = inUse(module, values);
    return {uses.read, uses.written};
}

// Ids of the modules below.
enum : uint32_t {
    boolType = 1,
    flag,    // constant 0
    a,       // binding 0
    b,       // binding 1
    c,       // binding 4
    element, // of b
    function,
    begin,
    left,
    right,
    join,
    body,
    end,
    unknown, // a number that is not constant
    phi,
    chosen,
    one,
    bound
};

Assembler withVariables() {
    const auto decorate = [](Assembler& module, uint32_t variable, uint32_t binding) {
        module.add(Op::Decorate, {variable, spirv::decorationDescriptorSet, 0})
            .add(Op::Decorate, {variable, spirv::decorationBinding, binding});
    };
    Assembler module(bound);
    decorate(module, a, 0);
    decorate(module, b, 1);
    decorate(module, c, 4);
    module.add(Op::Decorate, {flag, spirv::decorationSpecId, 0})
        .add(Op::TypeBool, {boolType})
        .add(Op::ConstantTrue, {boolType, one})
        .add(Op::SpecConstantFalse, {boolType, flag})
        .add(Op::Variable, {1, a, 12})
        .add(Op::Variable, {1, b, 12})
        .add(Op::Variable, {1, c, 12})
        .add(Op::Function, {1, function, 0, 1})
        .add(Op::Label, {begin})
        .add(Op::AccessChain, {1, element, b, one}) // before the branch, as optimizers leave it
        .add(Op::Load, {1, unknown, a});
    return module;
}

// if (flag) left: reads b. else right: writes c. Then join.
Words branching(uint32_t condition) {
    return withVariables()
        .add(Op::BranchConditional, {condition, left, right})
        .add(Op::Label, {left})
        .add(Op::Load, {1, chosen, element})
        .add(Op::Branch, {join})
        .add(Op::Label, {right})
        .add(Op::Store, {c, unknown})
        .add(Op::Branch, {join})
        .add(Op::Label, {join})
        .add(Op::Return, {})
        .words;
}

TEST(BindingsInUse, followBranchesThatConstantsTake) {
    EXPECT_EQ(bits(branching(flag), {1}), Bits(0b11, 0));
    EXPECT_EQ(bits(branching(flag), {0}), Bits(0b1, 0b10000));
    EXPECT_EQ(bits(branching(unknown), {0}), Bits(0b11, 0b10000));
}

// A value that comes from blocks of which one is never reached is the other's: if (flag) phi = false else phi = one;
// then if (phi) reads b, else writes c.
TEST(BindingsInUse, followValuesThatBlocksMerge) {
    const auto merging = [](uint32_t otherwise) {
        return withVariables()
            .add(Op::BranchConditional, {flag, left, right})
            .add(Op::Label, {left})
            .add(Op::Branch, {join})
            .add(Op::Label, {right})
            .add(Op::Branch, {join})
            .add(Op::Label, {join})
            .add(Op::Phi, {1, phi, unknown, left, otherwise, right})
            .add(Op::LogicalNot, {1, chosen, phi})
            .add(Op::BranchConditional, {chosen, body, end})
            .add(Op::Label, {body})
            .add(Op::Store, {c, unknown})
            .add(Op::Branch, {end})
            .add(Op::Label, {end})
            .add(Op::Return, {})
            .words;
    };
    EXPECT_EQ(bits(merging(one), {0}), Bits(0b1, 0));
    EXPECT_EQ(bits(merging(one), {1}), Bits(0b1, 0b10000)) << "what is merged is not known";
    EXPECT_EQ(bits(merging(unknown), {0}), Bits(0b1, 0b10000));
}

// A value that a loop changes is not the one it begins with.
TEST(BindingsInUse, followLoops) {
    const Words loop = withVariables()
                           .add(Op::Branch, {left})
                           .add(Op::Label, {left})
                           .add(Op::Phi, {1, phi, one, begin, chosen, right})
                           .add(Op::BranchConditional, {phi, right, join})
                           .add(Op::Label, {right})
                           .add(Op::LogicalNot, {1, chosen, phi})
                           .add(Op::Branch, {left})
                           .add(Op::Label, {join})
                           .add(Op::Store, {c, unknown})
                           .add(Op::Return, {})
                           .words;
    EXPECT_EQ(bits(loop, {0}), Bits(0b1, 0b10000));
}

TEST(BindingsInUse, followSwitches) {
    const Words module = Assembler(bound)
                             .add(Op::Decorate, {b, spirv::decorationDescriptorSet, 0})
                             .add(Op::Decorate, {b, spirv::decorationBinding, 1})
                             .add(Op::Decorate, {a, spirv::decorationDescriptorSet, 1})
                             .add(Op::Decorate, {a, spirv::decorationBinding, 0})
                             .add(Op::Decorate, {flag, spirv::decorationSpecId, 0})
                             .add(Op::TypeInt, {boolType, 32, 0})
                             .add(Op::SpecConstant, {boolType, flag, 5})
                             .add(Op::Variable, {1, a, 12})
                             .add(Op::Variable, {1, b, 12})
                             .add(Op::Function, {1, function, 0, 1})
                             .add(Op::Label, {begin})
                             .add(Op::Switch, {flag, left, 7, right})
                             .add(Op::Label, {left})
                             .add(Op::Store, {a, flag}) // of another set
                             .add(Op::Return, {})
                             .add(Op::Label, {right})
                             .add(Op::Load, {1, chosen, b})
                             .add(Op::Return, {})
                             .words;
    EXPECT_EQ(bits(module, {}), Bits(0, 0));
    EXPECT_EQ(bits(module, {7}), Bits(0b10, 0));
}

TEST(BindingsInUse, areNoMoreThanKernelsSay) {
    size_t spared = 0;
    for (const PlannedDispatch& dispatch : plannedDispatches()) {
        const ShaderCode& code = shaderCode(dispatch.shader);
        const BindingsInUse uses = inUse({code.words, code.words + code.bytes / 4}, dispatch.constants);
        EXPECT_EQ((uses.read | uses.written) >> dispatch.kinds.size(), 0u) << code.name;
        for (size_t i = 0; i < dispatch.kinds.size(); ++i) {
            const bool read = uses.read >> i & 1, written = uses.written >> i & 1;
            spared += !read && !written;
            if (dispatch.kinds[i] != BindingKind::storageImage) { // which is loaded in order to be written
                EXPECT_TRUE(!read || dispatch.accesses[i] != Access::write) << code.name << " binding " << i;
            }
            EXPECT_TRUE(!written || dispatch.accesses[i] != Access::read) << code.name << " binding " << i;
        }
    }
    EXPECT_GT(spared, 100u);
}

} // namespace
} // namespace saccade::test
