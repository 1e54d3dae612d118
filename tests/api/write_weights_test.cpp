// SPDX-License-Identifier: Apache-2.0
// sacWriteWeights: any part is the same bytes as in the whole, and the whole is what a run needs.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "refused.hpp"
#include "support/callbacks.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr const char* sequencePath = SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors";

Bytes written(SacPlan plan, uint64_t offset, uint64_t size) {
    Bytes out(size, std::byte{0xa5});
    SacError error{};
    EXPECT_EQ(sacWriteWeights(plan, offset, size, out.data(), &error), SAC_SUCCESS) << error.message;
    return out;
}

class WriteWeights : public GpuTest {
protected:
    Context context{device()};
};

TEST_F(WriteWeights, partsAreThoseOfTheWhole) {
    std::mt19937 random(7);
    for (const char* name : {"deformable_1d_2", "deformable_2d_2", "dalle_attention_0", "phenaki_transformer_1"})
        for (const SacPrecision precision : {SAC_PRECISION_FLOAT32, SAC_PRECISION_FLOAT16_IF_SUPPORTED}) {
            SCOPED_TRACE(std::string(name) + ", precision " + std::to_string(precision));
            const GoldenCase golden(std::string(SACCADE_TEST_DATA "/golden/") + name + ".safetensors");
            const Model model(context, golden.bytes);
            sac::PlanBuilder description;
            golden.describe(description);
            description.info.precision = precision;
            const Plan plan(model, description);
            const uint64_t size = plan.memory(SAC_MEMORY_WEIGHTS).size;
            ASSERT_GT(size, 0u);
            const Bytes whole = written(plan, 0, size);

            // Each tensor by itself; between tensors there are zeros.
            Bytes tensors(size);
            for (const SacMemoryPart& part : plan.memoryParts()) {
                if (part.kind != SAC_MEMORY_WEIGHTS)
                    continue;
                const Bytes one = written(plan, part.offset, part.size);
                std::ranges::copy(one, tensors.begin() + static_cast<std::ptrdiff_t>(part.offset));
            }
            EXPECT_EQ(tensors, whole);

            // Cut anywhere, the parts in any order.
            std::vector<uint64_t> cuts = {0, size};
            for (int i = 0; i < 40; ++i)
                cuts.push_back(random() % size);
            std::ranges::sort(cuts);
            std::vector<size_t> order(cuts.size() - 1);
            for (size_t i = 0; i < order.size(); ++i)
                order[i] = i;
            std::ranges::shuffle(order, random);
            Bytes parts(size, std::byte{0xa5});
            for (const size_t i : order) {
                const Bytes part = written(plan, cuts[i], cuts[i + 1] - cuts[i]);
                std::ranges::copy(part, parts.begin() + static_cast<std::ptrdiff_t>(cuts[i]));
            }
            EXPECT_EQ(parts, whole);
        }
}

// Four threads write disjoint parts of one memory, and each the whole of its own.
TEST_F(WriteWeights, severalThreadsAtOnce) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/phenaki_transformer_1.safetensors");
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plan(model, description);
    const uint64_t size = plan.memory(SAC_MEMORY_WEIGHTS).size;
    const Bytes whole = written(plan, 0, size);
    Bytes shared(size);
    std::vector<Bytes> own(4);
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < own.size(); ++i)
        threads.emplace_back([&, i] {
            const uint64_t from = size * i / 4, to = size * (i + 1) / 4;
            EXPECT_EQ(sacWriteWeights(plan, from, to - from, shared.data() + from, nullptr), SAC_SUCCESS);
            own[i] = written(plan, 0, size);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(shared, whole);
    for (const Bytes& bytes : own)
        EXPECT_EQ(bytes, whole);
}

// Without staging: the host writes the memory that shaders read.
TEST_F(WriteWeights, straightIntoTheWeights) {
    const GoldenCase golden(sequencePath);
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plan(model, description);
    ASSERT_GT(plan.memory(SAC_MEMORY_TABLES).size, 0u) << "a table is built from them";
    const auto run = [&](PlanBuffers& buffers, bool direct) {
        buffers.write("x", golden.inputs.at("x"));
        SacUploadInfo info = buffers.uploadInfo();
        if (direct) {
            info.staging = {};
            const std::span<std::byte> weights = buffers.mapped(SAC_MEMORY_WEIGHTS);
            EXPECT_EQ(sacWriteWeights(plan, 0, weights.size(), weights.data(), nullptr), SAC_SUCCESS);
        }
        submit([&](VkCommandBuffer commandBuffer) {
            SacError error{};
            EXPECT_EQ(sacCmdUpload(plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
            host::fullBarrier(commandBuffer);
            recordRun(plan, commandBuffer, buffers);
        });
        return buffers.bytes("y");
    };
    PlanBuffers staged(device(), plan), direct(device(), plan);
    std::ranges::fill(direct.mapped(SAC_MEMORY_STAGING), std::byte{0xff});
    EXPECT_EQ(run(direct, true), run(staged, false));
}

TEST_F(WriteWeights, withoutADevice) {
    const GoldenCase golden(sequencePath);
    Context nowhere(device().physical().support.profile);
    const Model here(context, golden.bytes), there(nowhere, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plan(here, description), headless(there, description);
    const uint64_t size = plan.memory(SAC_MEMORY_WEIGHTS).size;
    EXPECT_EQ(written(headless, 0, size), written(plan, 0, size));
}

// Memory comes from the callbacks, is enough for about one tensor, and goes back; any of it may be refused.
TEST_F(WriteWeights, hostMemory) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/phenaki_transformer_1.safetensors");
    Callbacks callbacks;
    {
        Context watched(device(), callbacks.get());
        const Model model(watched, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        const Plan plan(model, description);
        const uint64_t size = plan.memory(SAC_MEMORY_WEIGHTS).size;
        Bytes out(size);
        const Bytes whole = written(plan, 0, size);
        uint64_t largest = 0, together = 0;
        for (const SacMemoryPart& part : plan.memoryParts())
            if (part.kind == SAC_MEMORY_WEIGHTS) {
                largest = std::max(largest, part.size);
                together += part.size;
            }
        ASSERT_LT(2 * largest + 4096, together) << "one tensor is to be told from all";

        const std::size_t before = callbacks.live();
        callbacks.resetPeak();
        const std::size_t bytesBefore = callbacks.peakBytes();
        callbacks.failAt(Callbacks::never);
        ASSERT_EQ(sacWriteWeights(plan, 0, size, out.data(), nullptr), SAC_SUCCESS);
        const std::size_t count = callbacks.allocations();
        EXPECT_EQ(callbacks.live(), before);
        EXPECT_GT(count, 0u);
        EXPECT_LE(callbacks.peakBytes() - bytesBefore, 2 * largest + 4096) << "the tensor as it was and as it will be";

        for (std::size_t n = 0; n < count; n += 1 + count / 50) {
            SCOPED_TRACE(n);
            callbacks.failAt(n);
            SacError error = unsetError();
            expectRefused(sacWriteWeights(plan, 0, size, out.data(), &error), error, SAC_ERROR_OUT_OF_HOST_MEMORY, "");
            EXPECT_TRUE(callbacks.failed());
            EXPECT_EQ(callbacks.live(), before);
        }
        callbacks.failAt(Callbacks::never);
        EXPECT_EQ(written(plan, 0, size), whole);
    }
}

struct WriteCall {
    SacPlan plan;
    VkDeviceSize offset, size;
    void* data;
};

TEST_F(WriteWeights, wrongArgumentsAreNamed) {
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    const GoldenCase golden(sequencePath);
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plan(model, description);
    const uint64_t size = plan.memory(SAC_MEMORY_WEIGHTS).size;
    const std::vector<Wrong<WriteCall>> cases = {
        {"plan", [](WriteCall& c) { c.plan = nullptr; }, invalid, "plan is null"},
        {"data", [](WriteCall& c) { c.data = nullptr; }, invalid, "data is null"},
        {"offset", [](WriteCall& c) { c.offset += c.size + 1; }, invalid, "offset is "},
        {"size", [](WriteCall& c) { c.size += 1; }, invalid, "size is "},
        {"size from an offset", [](WriteCall& c) { c.offset = 1; }, invalid, "size is "},
        {"whole size", [](WriteCall& c) { c.size = VK_WHOLE_SIZE; }, invalid, "size is 18446744073709551615"},
        {"both past 2^64",
         [](WriteCall& c) {
             c.offset = 8;
             c.size = ~VkDeviceSize{0} - 3;
         },
         invalid, "size is "},
    };
    Bytes out(size, std::byte{0xa5});
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        WriteCall call{plan, 0, size, out.data()};
        wrong.spoil(call);
        SacError error = unsetError();
        expectRefused(sacWriteWeights(call.plan, call.offset, call.size, call.data, &error), error, wrong.result,
                      wrong.named);
        EXPECT_TRUE(std::ranges::all_of(out, [](std::byte b) { return b == std::byte{0xa5}; }));
    }
    EXPECT_EQ(sacWriteWeights(plan, size, 0, nullptr, nullptr), SAC_SUCCESS) << "nothing is a part";
    EXPECT_EQ(sacWriteWeights(plan, 5, 0, out.data(), nullptr), SAC_SUCCESS);
    EXPECT_EQ(out[0], std::byte{0xa5});
}

TEST_F(WriteWeights, modulesWithoutWeights) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/grid_sample_0.safetensors");
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plan(model, description);
    ASSERT_EQ(plan.memory(SAC_MEMORY_WEIGHTS).size, 0u);
    EXPECT_EQ(sacWriteWeights(plan, 0, 0, nullptr, nullptr), SAC_SUCCESS);
    std::byte one{};
    SacError error = unsetError();
    expectRefused(sacWriteWeights(plan, 0, 1, &one, &error), error, SAC_ERROR_INVALID_ARGUMENT, "size is 1");
}

} // namespace
} // namespace saccade::test
