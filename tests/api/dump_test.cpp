// SPDX-License-Identifier: Apache-2.0
// Memory as safetensors files: what lies there is what the layer computes; wrong calls write nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "reference/compare.hpp"
#include "reference/layers.hpp"
#include "refused.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"

namespace saccade::test {
namespace {

using reference::Tensor;

// (b, c, n) as (b, n, c)
Tensor tokens(const Tensor& x) {
    Tensor out({x.size(0), x.size(2), x.size(1)});
    for (int64_t b = 0; b < x.size(0); ++b)
        for (int64_t c = 0; c < x.size(1); ++c)
            for (int64_t i = 0; i < x.size(2); ++i)
                out(b, i, c) = x(b, c, i);
    return out;
}

class Dump : public GpuTest {
protected:
    // A run that has left its intermediates in the workspace.
    Dump() {
        golden.describe(description);
        description.info.flags = SAC_PLAN_NO_ALIASING_BIT;
        plan.emplace(model, description);
        buffers.emplace(device(), *plan);
        buffers->write("x", golden.inputs.at("x"));
        submit([&](VkCommandBuffer commandBuffer) {
            recordUpload(*plan, commandBuffer, *buffers);
            recordRun(*plan, commandBuffer, *buffers);
        });
    }

    SafetensorsFile read(SacMemoryKind kind, const std::vector<const char*>& names) {
        const auto memory = buffers->mapped(kind);
        const auto count = static_cast<uint32_t>(names.size());
        SacError error{};
        std::size_t size = 0;
        EXPECT_EQ(
            sacWriteMemoryParts(*plan, kind, memory.data(), memory.size(), count, names.data(), &size, nullptr, &error),
            SAC_SUCCESS)
            << error.message;
        std::vector<char> file(size + 8, 'x');
        std::size_t written = file.size();
        EXPECT_EQ(sacWriteMemoryParts(*plan, kind, memory.data(), memory.size(), count, names.data(), &written,
                                      file.data(), &error),
                  SAC_SUCCESS)
            << error.message;
        EXPECT_EQ(written, size);
        EXPECT_EQ(std::string(file.data() + size, 8), "xxxxxxxx") << "nothing behind the file is written";
        const ScratchFolder scratch;
        std::ofstream(scratch.file("dump"), std::ios::binary).write(file.data(), static_cast<std::streamsize>(size));
        return readSafetensors(scratch.file("dump"));
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"};
    Context context{device()};
    Model model{context, golden.bytes};
    sac::PlanBuilder description;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
};

TEST_F(Dump, intermediatesAreTheLayersOwn) {
    const SafetensorsFile file = read(SAC_MEMORY_WORKSPACE, {"q", "sampled", "k", "v", "attention"});
    EXPECT_EQ(file.metadata.at("memory"), "workspace");
    ASSERT_EQ(file.tensors.size(), 5u);
    const auto weight = [&](const char* name) { return golden.file.tensors.at(std::string("w.") + name); };
    const auto matrix = [&](const char* name) { return weight(name).reshaped({64, 64}); };
    const Tensor x = tokens(golden.inputs.at("x"));
    const Tensor& sampled = file.tensors.at("sampled");
    EXPECT_LE(relativeError(file.tensors.at("q"), reference::linear(x, matrix("to_q.weight"))), 1e-6);
    EXPECT_LE(relativeError(file.tensors.at("k"), reference::linear(sampled, matrix("to_k.weight"))), 1e-6);
    EXPECT_LE(relativeError(file.tensors.at("v"), reference::linear(sampled, matrix("to_v.weight"))), 1e-6);
    const Tensor bias = weight("to_out.bias");
    const Tensor y = reference::linear(file.tensors.at("attention"), matrix("to_out.weight"), &bias);
    EXPECT_LE(relativeError(tokens(golden.outputs.at("y")), y), 2e-4) << "upstream's result follows from it";
    EXPECT_LE(relativeError(tokens(buffers->read("y")), y), 1e-6);
}

TEST_F(Dump, allPartsOfAKind) {
    for (const SacMemoryKind kind : {SAC_MEMORY_WEIGHTS, SAC_MEMORY_TABLES, SAC_MEMORY_WORKSPACE}) {
        SCOPED_TRACE(kind);
        const SafetensorsFile file = read(kind, {});
        std::size_t parts = 0;
        for (const SacMemoryPart& part : plan->memoryParts()) {
            if (part.kind != kind)
                continue;
            ++parts;
            ASSERT_TRUE(file.tensors.contains(part.name)) << part.name;
            const Tensor& tensor = file.tensors.at(part.name);
            EXPECT_EQ(tensor.shape, reference::Shape(part.shape, part.shape + part.rank)) << part.name;
            const auto bytes = buffers->mapped(kind).subspan(part.offset, part.size);
            EXPECT_EQ(relativeError(tensor, decode(bytes.data(), part.dataType, tensor.shape)), 0) << part.name;
        }
        EXPECT_GT(parts, 0u);
        EXPECT_EQ(file.tensors.size(), parts);
    }
    const SafetensorsFile file = read(SAC_MEMORY_WEIGHTS, {"to_out.bias"});
    EXPECT_EQ(file.tensors.at("to_out.bias").data, golden.file.tensors.at("w.to_out.bias").data);
    EXPECT_TRUE(read(SAC_MEMORY_STATE, {}).tensors.empty()) << "there is none, and no data either";
}

struct Call {
    SacPlan plan;
    SacMemoryKind kind;
    const void* data;
    std::size_t dataSize;
    uint32_t nameCount;
    const char* names[3];
    const char* const* nameArray;
    std::size_t* fileSize;
};

TEST_F(Dump, wrongCallsAreNamedAndWriteNothing) {
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    sac::PlanBuilder shared;
    golden.describe(shared);
    const Plan aliased(model, shared);
    std::size_t fileSize = 1 << 20;
    const std::vector<Wrong<Call>> cases = {
        {"plan", [](Call& c) { c.plan = nullptr; }, invalid, "plan"},
        {"staging", [](Call& c) { c.kind = SAC_MEMORY_STAGING; }, invalid, "kind is 5"},
        {"no kind", [](Call& c) { c.kind = static_cast<SacMemoryKind>(-1); }, invalid, "kind is -1"},
        {"aliased", [&](Call& c) { c.plan = aliased; }, invalid, "SAC_PLAN_NO_ALIASING_BIT"},
        {"data", [](Call& c) { c.data = nullptr; }, invalid, "data is null"},
        {"too little data", [](Call& c) { --c.dataSize; }, invalid, "dataSize is"},
        {"too much data", [](Call& c) { ++c.dataSize; }, invalid, "dataSize is"},
        {"the size of another kind", [](Call& c) { c.kind = SAC_MEMORY_TABLES; }, invalid, "tables have"},
        {"names", [](Call& c) { c.nameArray = nullptr; }, invalid, "names is null"},
        {"more names than parts", [](Call& c) { c.nameCount = 0xffffffff; }, invalid, "nameCount is 4294967295"},
        {"a name", [](Call& c) { c.names[1] = nullptr; }, invalid, "names[1] is null"},
        {"unknown name", [](Call& c) { c.names[1] = "y"; }, invalid, "names[1] \"y\""},
        {"name of another kind", [](Call& c) { c.names[0] = "to_out.bias"; }, invalid, "names[0] \"to_out.bias\""},
        {"name given twice", [](Call& c) { c.names[1] = c.names[0]; }, invalid, "both name \"q\""},
        {"fileSize", [](Call& c) { c.fileSize = nullptr; }, invalid, "fileSize"},
        {"capacity", [&](Call& c) { *c.fileSize = 100; }, invalid, "*fileSize is 100"},
    };
    const auto memory = buffers->mapped(SAC_MEMORY_WORKSPACE);
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        fileSize = 1 << 20;
        Call call{*plan, SAC_MEMORY_WORKSPACE, memory.data(), memory.size(), 2, {"q", "k"}, nullptr, &fileSize};
        call.nameArray = call.names;
        wrong.spoil(call);
        const std::size_t before = fileSize;
        std::vector<char> file(1 << 20, 'x');
        SacError error = unsetError();
        expectRefused(sacWriteMemoryParts(call.plan, call.kind, call.data, call.dataSize, call.nameCount,
                                          call.nameArray, call.fileSize, file.data(), &error),
                      error, wrong.result, wrong.named);
        EXPECT_EQ(fileSize, before);
        EXPECT_EQ(std::ranges::count(file, 'x'), 1 << 20) << "nothing is written";
    }
}

} // namespace
} // namespace saccade::test
