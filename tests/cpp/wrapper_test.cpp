// SPDX-License-Identifier: Apache-2.0
// saccade.hpp alone, from a golden file to its results; failures are exceptions.
#include <saccade/saccade.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory_resource>
#include <type_traits>

#include "host/buffer.hpp"
#include "host/submitter.hpp"
#include "io/safetensors.hpp"
#include "reference/compare.hpp"
#include "support/golden.hpp"
#include "support/gpu.hpp"

// The fixtures have types of the same names in saccade::test; here those of the wrapper are meant.
namespace wrapper_test {
namespace {

using saccade::host::Buffer;
using saccade::host::BufferMemory;

template <class T>
constexpr bool moveOnly = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> &&
                          std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;
static_assert(moveOnly<sac::Context> && moveOnly<sac::Model> && moveOnly<sac::Plan>);

class Wrapper : public saccade::test::GpuTest {
protected:
    static SacContextInfo contextInfo() { return saccade::host::contextInfo(device()); }

    const saccade::test::GoldenCase golden_{SACCADE_TEST_DATA "/golden/dalle_attention_0.safetensors"};

    void describe(sac::PlanBuilder& builder) const {
        const auto& shape = golden_.inputs.at("x").shape;
        builder.input("x", {shape.begin(), shape.end()}).output("y");
    }
};

SacResult resultOf(const std::function<void()>& call, const std::string& part) {
    try {
        call();
    } catch (const sac::Exception& e) {
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
        return e.result();
    }
    return SAC_SUCCESS;
}

TEST_F(Wrapper, runsAGoldenFile) {
    const SacDeviceSupport support =
        sac::queryDevice(vkGetInstanceProcAddr, device().instance().handle(), device().physical().handle);
    EXPECT_TRUE(support.supported) << support.reason;
    const sac::Context context(contextInfo());
    const sac::Model model(context, golden_.bytes.data(), golden_.bytes.size());
    EXPECT_STREQ(model.module(), "DalleAttention");
    sac::PlanBuilder builder;
    describe(builder);
    const sac::Plan plan(model, builder);
    EXPECT_GT(plan.properties().dispatchCount, 0u);

    const auto needs = plan.memory();
    Buffer memory[SAC_MEMORY_KIND_COUNT];
    for (size_t kind = 0; kind < needs.size(); ++kind)
        memory[kind] = Buffer(device(), needs[kind].size, needs[kind].usage, BufferMemory::upload);
    std::vector<Buffer> buffers;
    std::vector<SacTensorBinding> bindings;
    for (const SacTensorInfo& tensor : plan.tensors()) {
        buffers.emplace_back(device(), tensor.size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, BufferMemory::readback);
        bindings.push_back(plan.bind(tensor.name, buffers.back().range()));
    }
    ASSERT_EQ(bindings.size(), 2u);
    const auto x = saccade::test::encode(golden_.inputs.at("x"), SAC_DATA_TYPE_FLOAT32);
    std::memcpy(buffers[0].mapped().data(), x.data(), x.size());

    SacUploadInfo upload = sac::make<SacUploadInfo>();
    upload.weights = memory[SAC_MEMORY_WEIGHTS].range();
    upload.tables = memory[SAC_MEMORY_TABLES].range();
    upload.workspace = memory[SAC_MEMORY_WORKSPACE].range();
    upload.parameters = memory[SAC_MEMORY_PARAMETERS].range();
    upload.staging = memory[SAC_MEMORY_STAGING].range();
    plan.writeWeights(memory[SAC_MEMORY_STAGING].mapped().data());
    SacRunInfo run = sac::make<SacRunInfo>();
    run.weights = upload.weights;
    run.tables = upload.tables;
    run.workspace = upload.workspace;
    run.parameters = upload.parameters;
    submit([&](VkCommandBuffer commandBuffer) {
        plan.cmdUpload(commandBuffer, upload);
        saccade::host::fullBarrier(commandBuffer);
        plan.cmdRun(commandBuffer, run, bindings);
        saccade::host::fullBarrier(commandBuffer);
    });
    const auto& expected = golden_.outputs.at("y");
    const auto y = saccade::test::decode(buffers[1].mapped().data(), SAC_DATA_TYPE_FLOAT32, expected.shape);
    EXPECT_LE(saccade::reference::relativeError(y, expected), 1e-5);

    submit([&](VkCommandBuffer commandBuffer) {
        EXPECT_EQ(resultOf([&] { plan.cmdRun(commandBuffer, run); }, "info->bindings has no"),
                  SAC_ERROR_INVALID_ARGUMENT);
        SacUploadInfo wrong = upload;
        wrong.weights = {};
        EXPECT_EQ(resultOf([&] { plan.cmdUpload(commandBuffer, wrong); }, "info->weights"), SAC_ERROR_INVALID_ARGUMENT);
        EXPECT_EQ(resultOf([&] { plan.writeWeights(4, 8, nullptr); }, "data"), SAC_ERROR_INVALID_ARGUMENT);
    });
}

TEST_F(Wrapper, plansWithoutADevice) {
    const sac::Context context(
        sac::queryDevice(vkGetInstanceProcAddr, device().instance().handle(), device().physical().handle).profile);
    const sac::Model model(context, golden_.bytes.data(), golden_.bytes.size());
    sac::PlanBuilder builder;
    describe(builder);
    const sac::Plan plan(model, builder);
    EXPECT_GT(plan.memory(SAC_MEMORY_WORKSPACE).size, 0u);
    EXPECT_EQ(resultOf([] { sac::Context none(sac::make<SacDeviceProfile>()); }, "info->profile->apiVersion is 0"),
              SAC_ERROR_INVALID_ARGUMENT);
}

TEST_F(Wrapper, bindsByName) {
    const sac::Context context(contextInfo());
    const sac::Model model(context, golden_.bytes.data(), golden_.bytes.size());
    sac::PlanBuilder builder;
    describe(builder);
    const sac::Plan plan(model, builder);
    const SacBufferRange range{VK_NULL_HANDLE, 256, 64};
    const SacTensorBinding y = plan.bind("y", range);
    EXPECT_EQ(y.sType, SAC_STRUCTURE_TYPE_TENSOR_BINDING);
    EXPECT_EQ(y.tensor, 1u);
    EXPECT_EQ(y.buffer.offset, 256u);
    const int32_t value = 3;
    EXPECT_EQ(plan.bind("x", &value).value, &value);
    EXPECT_EQ(plan.tensor("x"), 0u);
    EXPECT_EQ(resultOf([&] { plan.bind("z", range); }, "the plan has no tensor \"z\""), SAC_ERROR_INVALID_ARGUMENT);
}

TEST_F(Wrapper, planBuildersHaveProgressAndAPositionBias) {
    const saccade::test::GoldenCase golden(SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors");
    const sac::Context context(contextInfo());
    const sac::Model model(context, golden.bytes.data(), golden.bytes.size());
    sac::PlanBuilder builder;
    builder.input("x", {3, 64, 37}).positionBias(SAC_POSITION_BIAS_MODE_EXACT);
    uint32_t calls = 0;
    builder.progress([&](uint32_t, uint32_t) { return ++calls > 0; });
    EXPECT_EQ(sac::Plan(model, builder).positionBias().mode, SAC_POSITION_BIAS_MODE_EXACT);
    EXPECT_GT(calls, 0u);
    builder.positionBias(SAC_POSITION_BIAS_MODE_TABLE, 0.01f);
    const SacPositionBiasProperties table = sac::Plan(model, builder).positionBias();
    EXPECT_EQ(table.mode, SAC_POSITION_BIAS_MODE_TABLE);
    EXPECT_GT(table.tableSize[0], 1u);
    EXPECT_LE(table.tableError, 0.01f);
    builder.progress([](uint32_t, uint32_t) { return false; });
    EXPECT_EQ(resultOf([&] { sac::Plan plan(model, builder); }, "cancelled"), SAC_ERROR_CANCELLED);
}

TEST_F(Wrapper, planBuildersLendThreads) {
    const sac::Context context(contextInfo());
    const sac::Model model(context, golden_.bytes.data(), golden_.bytes.size());
    sac::PlanBuilder builder;
    describe(builder);
    uint32_t pipelines = 0;
    builder.positionBias(SAC_POSITION_BIAS_MODE_AUTO); // another in the chain
    builder.compileJobs([&](uint32_t count, const std::function<void(uint32_t)>& job) {
        pipelines += count;
        for (uint32_t i = 0; i < count; ++i)
            job(i);
    });
    const sac::Plan plan(model, builder);
    EXPECT_EQ(pipelines, plan.properties().pipelineCount);
}

TEST_F(Wrapper, looksInside) {
    const sac::Context context(contextInfo());
    const sac::Model model(context, golden_.bytes.data(), golden_.bytes.size());
    sac::PlanBuilder builder;
    describe(builder);
    const sac::Plan plan(model, builder);
    uint32_t dispatches = 0;
    for (const SacStageInfo& stage : plan.stages())
        dispatches += stage.dispatchCount;
    EXPECT_EQ(dispatches, plan.properties().dispatchCount);
    const std::vector<SacMemoryPart> parts = plan.memoryParts();
    ASSERT_FALSE(parts.empty());
    EXPECT_EQ(parts.front().kind, SAC_MEMORY_WEIGHTS);
    const std::vector<SacResourceAccess> upload = plan.access(SAC_COMMAND_UPLOAD), run = plan.access(SAC_COMMAND_RUN);
    ASSERT_FALSE(upload.empty());
    EXPECT_EQ(upload.back().index, SAC_MEMORY_STAGING);
    ASSERT_FALSE(run.empty());
    EXPECT_EQ(run.back().type, SAC_RESOURCE_TYPE_TENSOR);
    EXPECT_EQ(run.back().index, plan.tensor("y"));

    std::vector<std::byte> weights(plan.memory(SAC_MEMORY_WEIGHTS).size, std::byte{0x40});
    const auto file = plan.writeMemoryParts(SAC_MEMORY_WEIGHTS, weights.data(), weights.size(), {parts.front().name});
    const saccade::Safetensors contents(file, std::pmr::get_default_resource());
    ASSERT_EQ(contents.tensors().size(), 1u);
    EXPECT_EQ(contents.tensors()[0].name, parts.front().name);
    EXPECT_EQ(std::to_integer<int>(contents.tensors()[0].data[0]), 0x40);
    EXPECT_EQ(resultOf([&] { plan.writeMemoryParts(SAC_MEMORY_WEIGHTS, weights.data(), 3); }, "dataSize is 3"),
              SAC_ERROR_INVALID_ARGUMENT);
}

TEST_F(Wrapper, failuresOfCreationAreExceptions) {
    EXPECT_EQ(resultOf([] { sac::Context context(sac::make<SacContextInfo>()); }, "info->device"),
              SAC_ERROR_INVALID_ARGUMENT);
    const sac::Context context(contextInfo());
    EXPECT_EQ(resultOf([&] { sac::Model model(context, golden_.bytes.data(), 4); }, ""), SAC_ERROR_MALFORMED_FILE);
    SacModelInfo info = sac::make<SacModelInfo>();
    info.module = "Perceiver";
    EXPECT_EQ(resultOf([&] { sac::Model model(context, info); }, "Perceiver"), SAC_ERROR_INVALID_CONFIG);
    const sac::Model model(context, golden_.bytes.data(), golden_.bytes.size());
    sac::PlanBuilder builder;
    builder.input("x", {2, 40, 63});
    EXPECT_EQ(resultOf([&] { sac::Plan plan(model, builder); }, "x"), SAC_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(resultOf([&] { builder.input("z", std::vector<uint64_t>(9, 1)); }, "SAC_MAX_RANK"),
              SAC_ERROR_INVALID_ARGUMENT);
    const sac::Plan empty;
    EXPECT_EQ(resultOf([&] { empty.memory(SAC_MEMORY_STATE); }, "plan"), SAC_ERROR_INVALID_ARGUMENT);

    SacVariableLayoutInfo layout = sac::make<SacVariableLayoutInfo>();
    EXPECT_EQ(resultOf([&] { sac::buildVariableLayout(layout); }, "info->heads"), SAC_ERROR_INVALID_ARGUMENT);
    layout.heads = 2;
    layout.blocks = 3;
    EXPECT_EQ(sac::buildVariableLayout(layout), std::vector<uint8_t>(18, 1));
}

TEST_F(Wrapper, tensorsMayBeImages) {
    const sac::Context context(contextInfo());
    SacModelInfo info = sac::make<SacModelInfo>();
    info.module = "grid_sample";
    info.config = R"({"dims": 2})";
    const sac::Model model(context, info);
    sac::PlanBuilder builder;
    builder.input("x", {1, 8, 4, 4}, {sac::imageDesc(VK_FORMAT_R8G8_UNORM, 0, 2)}).input("grid", {1, 4, 4, 2});
    builder.output("y", {sac::imageDesc(VK_FORMAT_R8G8B8A8_UNORM, 0, 1), sac::imageDesc(VK_FORMAT_R32_SFLOAT, 0, 2)});
    const sac::Plan plan(model, builder);
    const std::vector<SacTensorInfo> tensors = plan.tensors();
    ASSERT_EQ(tensors.size(), 3u);
    EXPECT_EQ(tensors[0].imageCount, 1u);
    EXPECT_EQ(tensors[2].imageCount, 2u);

    std::array<SacImageBinding, 2> images{};
    const SacTensorBinding binding = plan.bindImages("y", images);
    EXPECT_EQ(binding.imageCount, 2u);
    EXPECT_EQ(binding.images, images.data());
}

// Handles move with their objects and end once: a context that still had models would refuse its end.
TEST_F(Wrapper, handlesMove) {
    std::vector<std::string> errors;
    sac::Context context(contextInfo(), [&](SacLogSeverity severity, const char* message) {
        if (severity == SAC_LOG_ERROR)
            errors.push_back(message);
    });
    sac::Model first(context, golden_.bytes.data(), golden_.bytes.size());
    const SacModel handle = first.get();
    sac::Model second(std::move(first));
    EXPECT_FALSE(first);
    EXPECT_EQ(second.get(), handle);
    first = sac::Model(context, golden_.bytes.data(), golden_.bytes.size());
    second = std::move(first); // ends the one it had
    sac::PlanBuilder builder;
    describe(builder);
    sac::Plan plan(second, builder);
    sac::Plan moved;
    moved = std::move(plan);
    EXPECT_FALSE(plan);
    moved.reset();
    second.reset();
    sac::Context last(std::move(context));
    last = sac::Context(); // ends the one it had
    EXPECT_EQ(errors, std::vector<std::string>{});
}

} // namespace
} // namespace wrapper_test
