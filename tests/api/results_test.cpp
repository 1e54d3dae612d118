// SPDX-License-Identifier: Apache-2.0
// What must not change a single bit of the results: neighbours, leftovers, aliasing, batches, descriptors, devices.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "host/errors.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr const char* sequencePath = SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"; // a batch of 3
constexpr const char* imagePath = SACCADE_TEST_DATA "/golden/deformable_2d_2.safetensors";

// A golden case as a plan with buffers, ready to be recorded.
struct Ready {
    Ready(const host::Device& device, SacModel model, const GoldenCase& golden, SacPlanFlags flags = 0,
          uint32_t maxRunsInFlight = 0)
        : golden(golden) {
        golden.describe(description);
        description.info.flags = flags;
        description.info.maxRunsInFlight = maxRunsInFlight;
        plan.emplace(model, description);
        buffers.emplace(device, *plan);
        buffers->write("x", golden.inputs.at("x"));
    }

    std::vector<Bytes> results() const { return {buffers->bytes("y"), buffers->bytes("vgrid")}; }
    void clearResults() {
        for (const char* name : {"y", "vgrid"})
            std::ranges::fill(buffers->mapped(name), std::byte{0xa5});
    }

    const GoldenCase& golden;
    sac::PlanBuilder description;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
};

class Results : public GpuTest {
protected:
    // Uploads and runs once, alone.
    std::vector<Bytes> alone(Ready& ready) {
        submit([&](VkCommandBuffer commandBuffer) {
            recordUpload(*ready.plan, commandBuffer, *ready.buffers);
            recordRun(*ready.plan, commandBuffer, *ready.buffers);
        });
        return ready.results();
    }

    const GoldenCase sequence{sequencePath}, image{imagePath};
    Context context{device()};
    Model sequenceModel{context, sequence.bytes};
};

TEST_F(Results, twoPlansTwiceInOneCommandBuffer) {
    Model imageModel(context, image.bytes);
    Ready a(device(), sequenceModel, sequence), b(device(), imageModel, image);
    const std::vector<Bytes> expectedA = alone(a), expectedB = alone(b);
    EXPECT_NE(expectedA[0], Bytes(expectedA[0].size()));

    // Second sets of buffers, so that each of the four records has results of its own; one workspace for all.
    PlanBuffers a2(device(), *a.plan), b2(device(), *b.plan);
    a2.write("x", sequence.inputs.at("x"));
    b2.write("x", image.inputs.at("x"));
    PlanBuffers& larger =
        a.plan->memory(SAC_MEMORY_WORKSPACE).size > b.plan->memory(SAC_MEMORY_WORKSPACE).size ? *a.buffers : *b.buffers;
    const SacBufferRange workspace = larger.range(SAC_MEMORY_WORKSPACE);
    for (PlanBuffers* buffers : {&*a.buffers, &a2, &*b.buffers, &b2})
        buffers->share(SAC_MEMORY_WORKSPACE, workspace);
    for (const SacMemoryKind kind : {SAC_MEMORY_WEIGHTS, SAC_MEMORY_TABLES, SAC_MEMORY_PARAMETERS}) {
        a2.share(kind, a.buffers->range(kind));
        b2.share(kind, b.buffers->range(kind));
    }
    a.clearResults();
    b.clearResults();
    submit([&](VkCommandBuffer commandBuffer) {
        recordRun(*a.plan, commandBuffer, *a.buffers);
        recordRun(*b.plan, commandBuffer, *b.buffers);
        recordRun(*a.plan, commandBuffer, a2);
        recordRun(*b.plan, commandBuffer, b2);
    });
    EXPECT_EQ(a.results(), expectedA);
    EXPECT_EQ(b.results(), expectedB);
    EXPECT_EQ(a2.bytes("y"), expectedA[0]);
    EXPECT_EQ(b2.bytes("y"), expectedB[0]);
}

TEST_F(Results, withoutAliasing) {
    Ready aliased(device(), sequenceModel, sequence),
        apart(device(), sequenceModel, sequence, SAC_PLAN_NO_ALIASING_BIT);
    EXPECT_GT(apart.plan->memory(SAC_MEMORY_WORKSPACE).size, aliased.plan->memory(SAC_MEMORY_WORKSPACE).size);
    EXPECT_EQ(alone(aliased), alone(apart));
}

TEST_F(Results, whateverTheWorkspaceHeld) {
    Ready ready(device(), sequenceModel, sequence);
    std::ranges::fill(ready.buffers->mapped(SAC_MEMORY_WORKSPACE), std::byte{0});
    const std::vector<Bytes> expected = alone(ready);
    for (const auto pattern : {std::byte{0xff}, std::byte{0x7f}}) { // both are NaN as float32 and as half
        std::ranges::fill(ready.buffers->mapped(SAC_MEMORY_WORKSPACE), pattern);
        ready.clearResults();
        EXPECT_EQ(alone(ready), expected);
    }
}

TEST_F(Results, smallerBatches) {
    Ready ready(device(), sequenceModel, sequence);
    const std::vector<Bytes> expected = alone(ready);
    for (const uint32_t batch : {1u, 2u, 3u}) {
        SCOPED_TRACE(batch);
        ready.clearResults();
        submit([&](VkCommandBuffer commandBuffer) { recordRun(*ready.plan, commandBuffer, *ready.buffers, batch); });
        const std::vector<Bytes> results = ready.results();
        for (std::size_t i = 0; i < results.size(); ++i) {
            const auto entries = static_cast<std::ptrdiff_t>(expected[i].size() / 3 * batch);
            EXPECT_TRUE(std::equal(results[i].begin(), results[i].begin() + entries, expected[i].begin()));
            EXPECT_TRUE(std::all_of(results[i].begin() + entries, results[i].end(), [](std::byte b) {
                return b == std::byte{0xa5};
            })) << "entries beyond the batch are not written";
        }
    }
}

TEST_F(Results, withoutPushDescriptors) {
    Ready pushed(device(), sequenceModel, sequence);
    const std::vector<Bytes> expected = alone(pushed);

    host::DeviceOptions options;
    options.pushDescriptors = false;
    const host::Device pushless(Gpu::get().instance(), device().physical(), options);
    host::Submitter submitter(pushless);
    Context other(pushless);
    Model model(other, sequence.bytes);
    Ready ready(pushless, model, sequence, 0, 2);
    PlanBuffers second(pushless, *ready.plan);
    second.write("x", sequence.inputs.at("x"));
    for (const SacMemoryKind kind : {SAC_MEMORY_WEIGHTS, SAC_MEMORY_TABLES, SAC_MEMORY_PARAMETERS})
        second.share(kind, ready.buffers->range(kind));
    submitter.run([&](VkCommandBuffer commandBuffer) { recordUpload(*ready.plan, commandBuffer, *ready.buffers); });
    // Two records alive at once, and the ring of two comes around again and again, once at its odd slot.
    for (int round = 0; round < 4; ++round) {
        SCOPED_TRACE(round);
        ready.clearResults();
        std::ranges::fill(second.mapped("y"), std::byte{0});
        submitter.run([&](VkCommandBuffer commandBuffer) {
            recordRun(*ready.plan, commandBuffer, *ready.buffers);
            if (round != 1)
                recordRun(*ready.plan, commandBuffer, second);
        });
        EXPECT_EQ(ready.results(), expected);
        EXPECT_EQ(second.bytes("y"), round != 1 ? expected[0] : Bytes(expected[0].size()));
    }
}

TEST_F(Results, weightsSharedByPlansOfOneModel) {
    Ready ready(device(), sequenceModel, sequence);
    const std::vector<Bytes> expected = alone(ready);

    // Another plan of the model takes the weights as they are and uploads its own tables only.
    const reference::Tensor& x = sequence.inputs.at("x");
    reference::Tensor first(reference::Shape{1, x.size(1), x.size(2)});
    std::copy_n(x.data.begin(), first.data.size(), first.data.begin());
    sac::PlanBuilder description;
    description.input("x", first.shape);
    const Plan plan(sequenceModel, description);
    PlanBuffers buffers(device(), plan);
    buffers.write("x", first);
    buffers.share(SAC_MEMORY_WEIGHTS, ready.buffers->range(SAC_MEMORY_WEIGHTS));
    submit([&](VkCommandBuffer commandBuffer) {
        SacUploadInfo info = buffers.uploadInfo();
        info.staging = {};
        SacError error{};
        EXPECT_EQ(sacCmdUpload(plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
        host::fullBarrier(commandBuffer);
        recordRun(plan, commandBuffer, buffers);
    });
    const Bytes y = buffers.bytes("y");
    EXPECT_TRUE(std::equal(y.begin(), y.end(), expected[0].begin()));
}

TEST_F(Results, everythingInOneBuffer) {
    Ready ready(device(), sequenceModel, sequence);
    const std::vector<Bytes> expected = alone(ready);

    // As an engine suballocates, with gaps that nothing may touch.
    VkDeviceSize end = 0;
    const auto place = [&](VkDeviceSize size, VkDeviceSize alignment) {
        const VkDeviceSize offset = (end + 64 + alignment - 1) / alignment * alignment;
        end = offset + size;
        return SacBufferRange{VK_NULL_HANDLE, offset, size};
    };
    std::vector<SacBufferRange> ranges;
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
        const SacMemoryRequirements memory = ready.plan->memory(static_cast<SacMemoryKind>(kind));
        ranges.push_back(place(memory.size, memory.alignment));
    }
    const VkDeviceSize alignment = ready.plan->memory(SAC_MEMORY_WORKSPACE).alignment;
    for (const SacTensorInfo& tensor : ready.plan->tensors())
        ranges.push_back(place(tensor.size, alignment));
    end += 64;
    const VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
                                     VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    const host::Buffer buffer(device(), end, usage, host::BufferMemory::readback);
    const std::span<std::byte> mapped = buffer.mapped();
    std::ranges::fill(mapped, std::byte{0x6b});
    for (SacBufferRange& range : ranges)
        range.buffer = buffer.handle();

    SacUploadInfo upload = ready.buffers->uploadInfo();
    upload.weights = ranges[SAC_MEMORY_WEIGHTS];
    upload.tables = ranges[SAC_MEMORY_TABLES];
    upload.workspace = ranges[SAC_MEMORY_WORKSPACE];
    upload.parameters = ranges[SAC_MEMORY_PARAMETERS];
    upload.staging = ranges[SAC_MEMORY_STAGING];
    SacError written{};
    EXPECT_EQ(sacWriteWeights(*ready.plan, 0, upload.staging.size, mapped.data() + upload.staging.offset, &written),
              SAC_SUCCESS)
        << written.message;
    SacRunInfo run = ready.buffers->runInfo();
    run.weights = upload.weights;
    run.tables = upload.tables;
    run.workspace = upload.workspace;
    run.parameters = upload.parameters;
    std::vector<SacTensorBinding> bindings = ready.buffers->bindings;
    for (std::size_t i = 0; i < bindings.size(); ++i)
        bindings[i].buffer = ranges[SAC_MEMORY_KIND_COUNT + i];
    std::ranges::reverse(bindings); // their order is free
    run.bindings = bindings.data();
    const auto bytesOf = [&](const char* name) {
        const auto bound =
            std::ranges::find_if(bindings, [&](const auto& b) { return ready.buffers->name(b) == name; });
        return mapped.subspan(bound->buffer.offset, bound->buffer.size);
    };
    std::ranges::copy(ready.buffers->mapped("x"), bytesOf("x").begin());
    submit([&](VkCommandBuffer commandBuffer) {
        SacError error{};
        EXPECT_EQ(sacCmdUpload(*ready.plan, commandBuffer, &upload, &error), SAC_SUCCESS) << error.message;
        host::fullBarrier(commandBuffer);
        EXPECT_EQ(sacCmdRun(*ready.plan, commandBuffer, &run, &error), SAC_SUCCESS) << error.message;
        host::fullBarrier(commandBuffer);
    });
    EXPECT_TRUE(std::ranges::equal(bytesOf("y"), expected[0]));
    EXPECT_TRUE(std::ranges::equal(bytesOf("vgrid"), expected[1]));
    std::ranges::sort(ranges, {}, &SacBufferRange::offset);
    VkDeviceSize from = 0;
    for (const SacBufferRange& range : ranges) {
        const auto gap = mapped.subspan(from, range.offset - from);
        EXPECT_TRUE(std::ranges::all_of(gap, [](std::byte b) { return b == std::byte{0x6b}; }))
            << "before " << range.offset;
        from = range.offset + range.size;
    }
    EXPECT_TRUE(std::ranges::all_of(mapped.subspan(from), [](std::byte b) { return b == std::byte{0x6b}; }));
}

TEST_F(Results, twoDevicesInOneProcess) {
    Ready ready(device(), sequenceModel, sequence);
    const host::Device second(Gpu::get().instance(), device().physical());
    host::Submitter submitter(second);
    Context other(second);
    Model model(other, sequence.bytes);
    Ready there(second, model, sequence);
    submitter.run([&](VkCommandBuffer commandBuffer) {
        recordUpload(*there.plan, commandBuffer, *there.buffers);
        recordRun(*there.plan, commandBuffer, *there.buffers);
    });
    EXPECT_EQ(there.results(), alone(ready));
}

// Plans are made and recorded on several threads at once; only the queue is shared, one after the other.
TEST_F(Results, severalThreads) {
    Ready ready(device(), sequenceModel, sequence);
    const std::vector<Bytes> expected = alone(ready);
    constexpr int threads = 3;
    std::vector<std::optional<Ready>> made(threads);
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i)
        running.emplace_back([&, i] { made[static_cast<std::size_t>(i)].emplace(device(), sequenceModel, sequence); });
    for (std::thread& thread : running)
        thread.join();
    for (std::optional<Ready>& one : made)
        EXPECT_EQ(alone(*one), expected);
}

} // namespace
} // namespace saccade::test
