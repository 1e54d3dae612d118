// SPDX-License-Identifier: Apache-2.0
// Parameter blocks lie in GLSL as in C++: shaders/parameters/ is declared once, but std140 and a C++ compiler each have
// rules of their own. Without padding the two agree, so no compiled shader may have any.
#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "parameters/attention.h"
#include "parameters/gemm.h"
#include "shaders.hpp"

namespace saccade::test {
namespace {

// The few instructions of SPIR-V (Khronos, unified specification 3) that declare a uniform block.
class Module {
public:
    explicit Module(const ShaderCode& code) {
        const std::span words(code.words, code.bytes / 4);
        for (size_t at = 5; at < words.size(); at += words[at] >> 16)
            read(words.subspan(at, words[at] >> 16));
    }

    /// Ids of structures that a variable of storage class Uniform points to.
    std::vector<uint32_t> uniformBlocks() const {
        std::vector<uint32_t> blocks;
        for (const auto& [variable, pointer] : uniforms_)
            blocks.push_back(pointees_.at(pointer));
        return blocks;
    }

    uint32_t uniformBinding() const { return bindings_.at(uniforms_.begin()->first); }
    uint32_t lastBinding() const {
        uint32_t last = 0;
        for (const auto& [variable, binding] : bindings_)
            last = std::max(last, binding);
        return last;
    }

    /// Bytes that the members of a structure take, and where std140 has put them.
    void expectPacked(uint32_t structure) const {
        uint32_t end = 0;
        const std::vector<uint32_t>& members = members_.at(structure);
        for (uint32_t i = 0; i < members.size(); ++i) {
            EXPECT_EQ(offsets_.at({structure, i}), end) << "member " << i;
            end += size(members[i]);
        }
    }

private:
    void read(std::span<const uint32_t> op) {
        switch (op[0] & 0xffff) {
        case 21: // OpTypeInt
        case 22: // OpTypeFloat
            sizes_[op[1]] = op[2] / 8;
            break;
        case 23: // OpTypeVector
            if (sizes_.contains(op[2]))
                sizes_[op[1]] = sizes_.at(op[2]) * op[3];
            break;
        case 28: // OpTypeArray
            if (constants_.contains(op[3]) && sizes_.contains(op[2]))
                sizes_[op[1]] = sizes_.at(op[2]) * constants_.at(op[3]);
            break;
        case 30: // OpTypeStruct
            members_[op[1]].assign(op.begin() + 2, op.end());
            break;
        case 32: // OpTypePointer
            pointees_[op[1]] = op[3];
            break;
        case 43: // OpConstant
            constants_[op[2]] = op[3];
            break;
        case 59:            // OpVariable
            if (op[3] == 2) // Uniform
                uniforms_[op[2]] = op[1];
            break;
        case 71:             // OpDecorate
            if (op[2] == 33) // Binding
                bindings_[op[1]] = op[3];
            else if (op[2] == 3) // BufferBlock, a storage buffer in the old way
                ADD_FAILURE() << "a structure is decorated BufferBlock";
            break;
        case 72:             // OpMemberDecorate
            if (op[3] == 35) // Offset
                offsets_[{op[1], op[2]}] = op[4];
            break;
        default:
            break;
        }
    }

    uint32_t size(uint32_t type) const { return sizes_.at(type); }

    std::map<uint32_t, uint32_t> sizes_, pointees_, constants_, uniforms_, bindings_;
    std::map<uint32_t, std::vector<uint32_t>> members_;
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> offsets_;
};

TEST(Parameters, haveNoPadding) {
    uint32_t seen = 0;
    for (unsigned shader = 0; shader < shaderCount; ++shader) {
        const ShaderCode& code = shaderCode(static_cast<Shader>(shader));
        SCOPED_TRACE(code.name);
        const Module module(code);
        const std::vector<uint32_t> blocks = module.uniformBlocks();
        if (blocks.empty()) {
            const std::string_view name = code.name;
            EXPECT_TRUE(name == "conditionalDispatch" || name == "clearState") << "a kernel without parameters";
            continue;
        }
        ++seen;
        ASSERT_EQ(blocks.size(), 1u);
        module.expectPacked(blocks[0]);
        EXPECT_EQ(module.uniformBinding(), module.lastBinding()) << "parameters lie behind the operands";
    }
    EXPECT_EQ(seen + 2, shaderCount);
}

TEST(Parameters, areWhatTheDeclarationSays) {
    EXPECT_EQ(sizeof(uvec4), 16u);
    EXPECT_EQ(sizeof(GemmParameters), 17 * 4u);
    EXPECT_EQ(offsetof(AttentionParameters, queries), 12 * 16u);
}

} // namespace
} // namespace saccade::test
