// SPDX-License-Identifier: Apache-2.0
// Wrong arguments while recording: nothing is recorded, and the command buffer goes on as if nothing had happened.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "refused.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

// Of the plan, in the order of its description.
constexpr std::string_view tensorNames[] = {"x", "y", "vgrid"};

struct RunCall {
    SacPlan plan;
    VkCommandBuffer commandBuffer;
    SacRunInfo info;
    std::vector<SacTensorBinding> bindings;

    SacBufferRange& bound(std::string_view name) {
        return std::find_if(bindings.begin(), bindings.end(),
                            [&](const auto& b) { return tensorNames[b.tensor] == name; })
            ->buffer;
    }
};

struct UploadCall {
    SacPlan plan;
    VkCommandBuffer commandBuffer;
    SacUploadInfo info;
};

// A range elsewhere, long enough for whatever it stands in for.
SacBufferRange at(const SacBufferRange& range, VkDeviceSize offset) { return {range.buffer, offset, 1 << 30}; }

class RecordArguments : public GpuTest {
protected:
    RecordArguments() {
        description.input("x", {3, 64, 37}).output("y").output("vgrid");
        plan.emplace(model, description);
        buffers.emplace(device(), *plan);
        buffers->write("x", golden.inputs.at("x"));
        halfAlignment = plan->memory(SAC_MEMORY_WORKSPACE).alignment / 2;
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"};
    Context context{device()};
    Model model{context, golden.bytes};
    sac::PlanBuilder description;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
    VkDeviceSize halfAlignment = 0;
};

TEST_F(RecordArguments, areNamedAndLeaveTheCommandBufferAsItWas) {
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    const int32_t other = 0;
    const VkDeviceSize half = halfAlignment;
    const auto somePool = (VkQueryPool)(uintptr_t)1; // a refused call does not touch it
    const auto stageCount = static_cast<uint32_t>(plan->stages().size());
    ASSERT_GT(plan->memory(SAC_MEMORY_TABLES).size, 0u) << "a plan with a table has the most to get wrong";
    const std::vector<Wrong<UploadCall>> uploads = {
        {"plan", [](UploadCall& c) { c.plan = nullptr; }, invalid, "plan"},
        {"commandBuffer", [](UploadCall& c) { c.commandBuffer = nullptr; }, invalid, "commandBuffer"},
        {"sType", [](UploadCall& c) { c.info.sType = SAC_STRUCTURE_TYPE_RUN_INFO; }, invalid, "sType of info"},
        {"pNext", [&](UploadCall& c) { c.info.pNext = &other; }, invalid, "pNext of info"},
        {"flags", [](UploadCall& c) { c.info.flags = 0x10; }, invalid, "info->flags"},
        {"no weights", [](UploadCall& c) { c.info.weights = {}; }, invalid, "info->weights.buffer"},
        {"no tables", [](UploadCall& c) { c.info.tables = {}; }, invalid, "info->tables.buffer"},
        {"weights too small", [](UploadCall& c) { c.info.weights.size -= 1; }, invalid, "info->weights.size"},
        {"tables too small", [](UploadCall& c) { c.info.tables.size = 0; }, invalid, "info->tables.size"},
        {"staging too small", [](UploadCall& c) { c.info.staging.size /= 2; }, invalid, "info->staging.size"},
        {"whole size", [](UploadCall& c) { c.info.weights.size = VK_WHOLE_SIZE; }, invalid, "info->weights.size"},
        {"weights misaligned", [&](UploadCall& c) { c.info.weights.offset = half; }, invalid, "info->weights.offset"},
        {"tables misaligned", [&](UploadCall& c) { c.info.tables.offset = half; }, invalid, "info->tables.offset"},
        {"staging misaligned", [&](UploadCall& c) { c.info.staging.offset = half; }, invalid, "info->staging.offset"},
        {"tables over weights", [](UploadCall& c) { c.info.tables = at(c.info.weights, 0); }, invalid,
         "info->tables overlaps info->weights"},
        {"weights over staging", [](UploadCall& c) { c.info.weights = at(c.info.staging, 0); }, invalid,
         "info->staging overlaps info->weights"},
    };
    const std::vector<Wrong<RunCall>> runs = {
        {"plan", [](RunCall& c) { c.plan = nullptr; }, invalid, "plan"},
        {"commandBuffer", [](RunCall& c) { c.commandBuffer = nullptr; }, invalid, "commandBuffer"},
        {"sType", [](RunCall& c) { c.info.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO; }, invalid, "sType of info"},
        {"pNext", [&](RunCall& c) { c.info.pNext = &other; }, invalid, "pNext of info"},
        {"batch too large", [](RunCall& c) { c.info.batch = 4; }, invalid, "info->batch is 4"},
        {"too few timestamps",
         [&](RunCall& c) {
             c.info.timestamps = {somePool, 0, stageCount};
         },
         invalid, "info->timestamps.count"},
        {"timestamps past 2^32",
         [&](RunCall& c) {
             c.info.timestamps = {somePool, ~0u - 1, stageCount + 1};
         },
         invalid, "info->timestamps.first"},
        {"no timestamps in a pool",
         [&](RunCall& c) {
             c.info.timestamps = {somePool, 5, 0};
         },
         invalid, "info->timestamps.count is 0"},
        {"no weights", [](RunCall& c) { c.info.weights = {}; }, invalid, "info->weights.buffer"},
        {"no tables", [](RunCall& c) { c.info.tables = {}; }, invalid, "info->tables.buffer"},
        {"no workspace", [](RunCall& c) { c.info.workspace = {}; }, invalid, "info->workspace.buffer"},
        {"weights too small", [](RunCall& c) { c.info.weights.size -= 1; }, invalid, "info->weights.size"},
        {"tables too small", [](RunCall& c) { c.info.tables.size -= 1; }, invalid, "info->tables.size"},
        {"workspace too small", [](RunCall& c) { c.info.workspace.size -= 1; }, invalid, "info->workspace.size"},
        {"whole size", [](RunCall& c) { c.info.workspace.size = VK_WHOLE_SIZE; }, invalid, "info->workspace.size"},
        {"weights misaligned", [&](RunCall& c) { c.info.weights.offset = half; }, invalid, "info->weights.offset"},
        {"workspace past 2^64",
         [&](RunCall& c) { c.info.workspace.offset = ~VkDeviceSize{0} - (c.info.workspace.size - 1) / 2; }, invalid,
         "info->workspace.offset"},
        {"workspace misaligned", [&](RunCall& c) { c.info.workspace.offset = half; }, invalid,
         "info->workspace.offset"},
        {"bindings null", [](RunCall& c) { c.info.bindings = nullptr; }, invalid, "info->bindings is null"},
        {"nothing bound", [](RunCall& c) { c.bindings.clear(); }, invalid, "\"x\""},
        {"binding missing", [](RunCall& c) { c.bindings.pop_back(); }, invalid,
         "info->bindings has no tensor 2, \"vgrid\", which the plan needs"},
        {"binding of no type", [](RunCall& c) { c.bindings[1].sType = {}; }, invalid,
         "sType of info->bindings[1] is 0, it must be SAC_STRUCTURE_TYPE_TENSOR_BINDING"},
        {"binding with a chain", [](RunCall& c) { c.bindings[2].pNext = &c.info; }, invalid,
         "pNext of info->bindings[2] has SAC_STRUCTURE_TYPE_RUN_INFO, which does not extend SacTensorBinding"},
        {"unknown tensor", [](RunCall& c) { c.bindings[2].tensor = 3; }, invalid,
         "info->bindings[2].tensor is 3, the plan has 3 tensors"},
        {"tensor far beyond", [](RunCall& c) { c.bindings[0].tensor = ~0u; }, invalid,
         "info->bindings[0].tensor is 4294967295"},
        {"superfluous binding", [](RunCall& c) { c.bindings.push_back(c.bindings[0]); }, invalid,
         "info->bindingCount is 4, the plan binds 3"},
        {"bound twice", [](RunCall& c) { c.bindings[2] = c.bindings[0]; }, invalid,
         "info->bindings[0] and [2] both bind tensor 0, \"x\""},
        {"a value for floats", [&](RunCall& c) { c.bindings[0].value = &other; }, invalid, ".value"},
        {"x null", [](RunCall& c) { c.bound("x").buffer = nullptr; }, invalid, "x.buffer"},
        {"x too small", [](RunCall& c) { c.bound("x").size -= 1; }, invalid, "x.size"},
        {"y too small", [](RunCall& c) { c.bound("y").size = 0; }, invalid, "y.size"},
        {"y of whole size", [](RunCall& c) { c.bound("y").size = VK_WHOLE_SIZE; }, invalid, "y.size"},
        {"vgrid misaligned", [&](RunCall& c) { c.bound("vgrid").offset = half; }, invalid, "vgrid.offset"},
        {"y over x", [](RunCall& c) { c.bound("y") = at(c.bound("x"), 0); }, invalid, "overlaps"},
        {"y over the end of x", [&](RunCall& c) { c.bound("y") = at(c.bound("x"), 2 * half); }, invalid, "overlaps"},
        {"vgrid over y", [](RunCall& c) { c.bound("vgrid") = at(c.bound("y"), 0); }, invalid, "overlaps"},
        {"y over weights", [](RunCall& c) { c.bound("y") = at(c.info.weights, 0); }, invalid,
         "y overlaps info->weights"},
        {"y over workspace", [](RunCall& c) { c.bound("y") = at(c.info.workspace, 0); }, invalid,
         "y overlaps info->workspace"},
        {"x over workspace", [](RunCall& c) { c.bound("x") = at(c.info.workspace, 0); }, invalid,
         "x overlaps info->workspace"},
        {"workspace over tables", [](RunCall& c) { c.info.workspace = at(c.info.tables, 0); }, invalid,
         "info->workspace overlaps info->tables"},
    };

    const auto tryUploads = [&](VkCommandBuffer commandBuffer) {
        for (const auto& wrong : uploads) {
            SCOPED_TRACE(wrong.what);
            UploadCall call{*plan, commandBuffer, buffers->uploadInfo()};
            wrong.spoil(call);
            SacError error = unsetError();
            expectRefused(sacCmdUpload(call.plan, call.commandBuffer, &call.info, &error), error, wrong.result,
                          wrong.named);
            EXPECT_EQ(sacCmdUpload(call.plan, call.commandBuffer, &call.info, nullptr), wrong.result);
        }
        SacError error = unsetError();
        expectRefused(sacCmdUpload(*plan, commandBuffer, nullptr, &error), error, invalid, "info");
    };
    const auto tryRuns = [&](VkCommandBuffer commandBuffer) {
        for (const auto& wrong : runs) {
            SCOPED_TRACE(wrong.what);
            RunCall call{*plan, commandBuffer, buffers->runInfo(), buffers->bindings};
            wrong.spoil(call);
            if (call.info.bindings)
                call.info.bindings = call.bindings.data();
            call.info.bindingCount = static_cast<uint32_t>(call.bindings.size());
            SacError error = unsetError();
            expectRefused(sacCmdRun(call.plan, call.commandBuffer, &call.info, &error), error, wrong.result,
                          wrong.named);
            EXPECT_EQ(sacCmdRun(call.plan, call.commandBuffer, &call.info, nullptr), wrong.result);
        }
        SacError error = unsetError();
        expectRefused(sacCmdRun(*plan, commandBuffer, nullptr, &error), error, invalid, "info");
    };

    submit([&](VkCommandBuffer commandBuffer) {
        recordUpload(*plan, commandBuffer, *buffers);
        recordRun(*plan, commandBuffer, *buffers);
    });
    const std::vector<std::byte> expected = buffers->bytes("y");
    EXPECT_NE(expected, std::vector<std::byte>(expected.size())) << "something was computed";

    const auto clear = [&](std::span<std::byte> bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{0}); };
    clear(buffers->mapped("y"));
    clear(buffers->mapped(SAC_MEMORY_WEIGHTS));
    submit([&](VkCommandBuffer commandBuffer) {
        tryUploads(commandBuffer);
        tryRuns(commandBuffer);
    });
    EXPECT_EQ(buffers->bytes("y"), std::vector<std::byte>(expected.size())) << "nothing was recorded";
    const auto weights = buffers->mapped(SAC_MEMORY_WEIGHTS);
    EXPECT_TRUE(std::all_of(weights.begin(), weights.end(), [](std::byte b) { return b == std::byte{0}; }));

    submit([&](VkCommandBuffer commandBuffer) {
        tryUploads(commandBuffer);
        recordUpload(*plan, commandBuffer, *buffers);
        tryRuns(commandBuffer);
        recordRun(*plan, commandBuffer, *buffers);
    });
    EXPECT_EQ(buffers->bytes("y"), expected) << "failures between them change nothing";
}

} // namespace
} // namespace saccade::test
