// SPDX-License-Identifier: Apache-2.0
// DalleAttention's key-value cache through the public API: what "offset" may be, and that a sequence computed step by
// step is the sequence computed at once. Weights, inputs and rotary angles are those of a golden file; what is compared
// with is the one-shot causal run of the same model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "host/errors.hpp"
#include "reference/compare.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

constexpr double tolerance = 1e-5;

enum class OffsetBy { value, buffer };

class Cache : public GpuTest {
protected:
    const GoldenCase golden_{SACCADE_TEST_DATA "/golden/dalle_attention_4.safetensors"};
    const reference::Tensor& x_ = golden_.inputs.at("x");
    const reference::Tensor& rotary_ = golden_.inputs.at("rotary_pos_emb");
    const int64_t tokens_ = x_.size(1);
    Context context_{device()};
    Model model_{context_, withoutSteps()};

    // The file's configuration cuts the sequence in pieces by itself; a whole causal run has one.
    SacModelInfo withoutSteps() const {
        SacModelInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
        info.data = golden_.bytes.data();
        info.size = golden_.bytes.size();
        info.config = "{\"cache_steps\": [24]}";
        return info;
    }

    static reference::Tensor rows(const reference::Tensor& all, int64_t first, int64_t count) {
        reference::Tensor out({all.size(0), count, all.size(2)});
        for (int64_t b = 0; b < out.size(0); ++b)
            for (int64_t i = 0; i < count; ++i)
                for (int64_t c = 0; c < out.size(2); ++c)
                    out(b, i, c) = all(b, first + i, c);
        return out;
    }

    reference::Tensor oneShot() const {
        sac::PlanBuilder description;
        description.input("x", x_.shape).input("rotary_pos_emb", rotary_.shape).output("y");
        return runOnce(Plan(model_, description), golden_.inputs, golden_.outputs).at("y");
    }

    void describeStep(sac::PlanBuilder& description, int64_t count) const {
        description.input("x", reference::Shape{x_.size(0), count, x_.size(2)});
        description.input("rotary_pos_emb", rotary_.shape).input("offset", {1}, SAC_DATA_TYPE_INT32).output("y");
        description.info.options = "{\"cache\": true}";
    }

    // A plan for pieces of `count` tokens with buffers of its own.
    struct Piece {
        int64_t count = 0;
        sac::PlanBuilder description;
        std::optional<Plan> plan;
        std::optional<PlanBuffers> buffers;
    };
    void makePiece(Piece& piece, int64_t count) const {
        piece.count = count;
        describeStep(piece.description, count);
        piece.plan.emplace(model_, piece.description);
        piece.buffers.emplace(device(), *piece.plan);
        piece.buffers->write("rotary_pos_emb", rotary_);
        const auto state = piece.buffers->mapped(SAC_MEMORY_STATE);
        std::fill(state.begin(), state.end(), std::byte{0xff}); // NaN: what is not yet cached must not be looked at
        submit([&](VkCommandBuffer commandBuffer) { recordUpload(*piece.plan, commandBuffer, *piece.buffers); });
    }

    std::optional<int64_t> firstRow_; ///< of x, whatever the offset; none: the offset

    static SacTensorBinding& offsetOf(PlanBuffers& buffers) { return buffers.binding("offset"); }
    static void bindValue(SacTensorBinding& binding, const int32_t* value) {
        binding.buffer = {};
        binding.value = value;
    }

    // Runs the piece from token `first` on and returns its rows of y.
    reference::Tensor run(Piece& piece, int64_t first, OffsetBy by) const {
        PlanBuffers& buffers = *piece.buffers;
        buffers.write("x", rows(x_, firstRow_.value_or(first), piece.count));
        const int32_t offset = static_cast<int32_t>(first);
        const SacTensorBinding byBuffer = offsetOf(buffers);
        if (by == OffsetBy::value)
            bindValue(offsetOf(buffers), &offset);
        else
            std::memcpy(buffers.mapped("offset").data(), &offset, sizeof(offset));
        submit([&](VkCommandBuffer commandBuffer) { recordRun(*piece.plan, commandBuffer, buffers); });
        offsetOf(buffers) = byBuffer;
        return buffers.read("y");
    }

    static void place(reference::Tensor& all, int64_t first, const reference::Tensor& part) {
        for (int64_t b = 0; b < part.size(0); ++b)
            for (int64_t i = 0; i < part.size(1); ++i)
                for (int64_t c = 0; c < part.size(2); ++c)
                    all(b, first + i, c) = part(b, i, c);
    }
};

TEST_F(Cache, singleStepsWithOffsetByValueEqualOneRun) {
    Piece step;
    makePiece(step, 1);
    EXPECT_TRUE(step.plan->memory(SAC_MEMORY_WORKSPACE).usage & VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    EXPECT_GT(step.plan->memory(SAC_MEMORY_STATE).size, 0u);
    reference::Tensor y(x_.shape);
    for (int64_t token = 0; token < tokens_; ++token)
        place(y, token, run(step, token, OffsetBy::value));
    EXPECT_LE(reference::relativeError(y, oneShot()), tolerance);
}

// One command buffer, recorded once; the engine advances the offset between submissions.
TEST_F(Cache, singleStepsWithOffsetByBufferReplayOneCommandBuffer) {
    Piece step;
    makePiece(step, 1);
    VkCommandPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, device().queueFamily()};
    VkCommandPool pool = VK_NULL_HANDLE;
    host::checkVulkan(vkCreateCommandPool(device().handle(), &poolInfo, nullptr, &pool), "vkCreateCommandPool");
    const VkCommandBufferAllocateInfo allocateInfo{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool,
                                                   VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
    VkCommandBuffer commandBuffer = VK_NULL_HANDLE;
    host::checkVulkan(vkAllocateCommandBuffers(device().handle(), &allocateInfo, &commandBuffer),
                      "vkAllocateCommandBuffers");
    const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr, 0, nullptr};
    host::checkVulkan(vkBeginCommandBuffer(commandBuffer, &begin), "vkBeginCommandBuffer");
    host::fullBarrier(commandBuffer);
    recordRun(*step.plan, commandBuffer, *step.buffers);
    host::checkVulkan(vkEndCommandBuffer(commandBuffer), "vkEndCommandBuffer");

    reference::Tensor y(x_.shape);
    for (int32_t token = 0; token < tokens_; ++token) {
        step.buffers->write("x", rows(x_, token, 1));
        std::memcpy(step.buffers->mapped("offset").data(), &token, sizeof(token));
        VkSubmitInfo submission{};
        submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
        submission.commandBufferCount = 1;
        submission.pCommandBuffers = &commandBuffer;
        host::checkVulkan(vkQueueSubmit(device().queue(), 1, &submission, VK_NULL_HANDLE), "vkQueueSubmit");
        host::checkVulkan(vkQueueWaitIdle(device().queue()), "vkQueueWaitIdle");
        place(y, token, step.buffers->read("y"));
    }
    vkDestroyCommandPool(device().handle(), pool, nullptr);
    EXPECT_LE(reference::relativeError(y, oneShot()), tolerance);
}

TEST_F(Cache, promptAndStepsShareOneState) {
    constexpr int64_t promptTokens = 10;
    Piece prompt, step;
    makePiece(prompt, promptTokens);
    makePiece(step, 1);
    ASSERT_EQ(prompt.plan->memory(SAC_MEMORY_STATE).size, step.plan->memory(SAC_MEMORY_STATE).size);
    step.buffers->share(SAC_MEMORY_STATE, prompt.buffers->range(SAC_MEMORY_STATE));
    reference::Tensor y(x_.shape);
    place(y, 0, run(prompt, 0, OffsetBy::value));
    for (int64_t token = promptTokens; token < tokens_; ++token)
        place(y, token, run(step, token, token % 2 ? OffsetBy::value : OffsetBy::buffer));
    EXPECT_LE(reference::relativeError(y, oneShot()), tolerance);
}

// Both in one command buffer with one workspace, the barriers between runs being those that the header asks for: values
// are ordered against the runs around them by the library.
TEST_F(Cache, runsByValueFollowEachOtherInOneCommandBuffer) {
    constexpr int64_t promptTokens = 23;
    Piece prompt, step;
    makePiece(prompt, promptTokens);
    makePiece(step, 1);
    for (const SacMemoryKind kind : {SAC_MEMORY_STATE, SAC_MEMORY_WORKSPACE})
        step.buffers->share(kind, prompt.buffers->range(kind));
    ASSERT_GE(prompt.plan->memory(SAC_MEMORY_WORKSPACE).size, step.plan->memory(SAC_MEMORY_WORKSPACE).size);
    prompt.buffers->write("x", rows(x_, 0, promptTokens));
    step.buffers->write("x", rows(x_, promptTokens, 1));
    int32_t offset = 0;
    for (Piece* piece : {&prompt, &step})
        bindValue(offsetOf(*piece->buffers), &offset);
    submit([&](VkCommandBuffer commandBuffer) {
        for (int repeat = 0; repeat < 2; ++repeat)
            for (Piece* piece : {&prompt, &step}) {
                offset = piece == &step ? static_cast<int32_t>(promptTokens) : 0; // read during the call
                const SacRunInfo info = piece->buffers->runInfo();
                SacError error{};
                EXPECT_EQ(sacCmdRun(*piece->plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
                VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT,
                                        VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
                vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                     VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
            }
        host::fullBarrier(commandBuffer);
    });
    reference::Tensor y(x_.shape);
    place(y, 0, prompt.buffers->read("y"));
    place(y, promptTokens, step.buffers->read("y"));
    EXPECT_LE(reference::relativeError(y, oneShot()), tolerance);
}

// What the GPU reads is clamped to what fits, for the cache, the rotary table and the static mask alike.
TEST_F(Cache, offsetsOutOfRangeCountAsTheNearestThatFits) {
    constexpr int64_t count = 3;
    const int32_t last = static_cast<int32_t>(tokens_ - count);
    reference::Tensor mask({tokens_, tokens_});
    for (int64_t i = 0; i < tokens_ * tokens_; ++i)
        mask.data[static_cast<size_t>(i)] = i * i % 7 < 4;
    Piece piece;
    piece.description.input("static_mask", mask.shape, SAC_DATA_TYPE_BOOL);
    makePiece(piece, count);
    piece.buffers->write("static_mask", mask);
    for (const SacTensorInfo& tensor : piece.plan->tensors())
        if (std::string(tensor.name) == "offset") {
            EXPECT_EQ(tensor.minValue, 0);
            EXPECT_EQ(tensor.maxValue, last);
        }
    const auto at = [&](int64_t offset, OffsetBy by) {
        const auto state = piece.buffers->mapped(SAC_MEMORY_STATE);
        std::fill(state.begin(), state.end(), std::byte{0x3c});
        return run(piece, offset, by);
    };
    firstRow_ = 7;
    const reference::Tensor atFirst = at(0, OffsetBy::value), atLast = at(last, OffsetBy::value);
    EXPECT_NE(atFirst.data, atLast.data);
    for (const int64_t offset : {int64_t{-1}, int64_t{-7}, int64_t{INT32_MIN}})
        EXPECT_EQ(at(offset, OffsetBy::buffer).data, atFirst.data) << offset;
    for (const int64_t offset : {int64_t{last}, int64_t{last + 1}, tokens_, tokens_ + 1, int64_t{1} << 20,
                                 int64_t{INT32_MAX - 1}, int64_t{INT32_MAX}})
        EXPECT_EQ(at(offset, OffsetBy::buffer).data, atLast.data) << offset;
}

TEST_F(Cache, rotaryTableIsAsLongAsTheCache) {
    sac::PlanBuilder description;
    description.input("x", reference::Shape{x_.size(0), 1, x_.size(2)}).input("offset", {1}, SAC_DATA_TYPE_INT32);
    description.input("rotary_pos_emb", reference::Shape{1, tokens_ - 1, rotary_.size(2)}).output("y");
    description.info.options = "{\"cache\": true}";
    try {
        const Plan plan(model_, description);
        FAIL() << "a table of " << tokens_ - 1 << " rows was taken for a cache of " << tokens_ << " tokens";
    } catch (const sac::Exception& error) {
        EXPECT_NE(std::string(error.what()).find("\"cache_length\""), std::string::npos) << error.what();
    }
    description.info.options = "{\"cache\": true, \"cache_length\": 23}";
    EXPECT_NO_THROW(Plan(model_, description));
}

TEST_F(Cache, wrongValuesAreNamed) {
    Piece step;
    makePiece(step, 1);
    PlanBuffers& buffers = *step.buffers;
    const int32_t value = 0;
    const std::vector<SacTensorBinding> good = buffers.bindings;
    const auto expectError = [&](const char* part) {
        const SacRunInfo info = buffers.runInfo();
        SacError error{};
        submit([&](VkCommandBuffer commandBuffer) {
            EXPECT_EQ(sacCmdRun(*step.plan, commandBuffer, &info, &error), SAC_ERROR_INVALID_ARGUMENT);
        });
        EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message;
        buffers.bindings = good;
    };
    offsetOf(buffers).value = &value;
    expectError("offset has both a buffer and a value");
    offsetOf(buffers).buffer = {};
    expectError("offset has neither a buffer nor a value");
    bindValue(buffers.binding("x"), &value);
    expectError("x.value is given");
    bindValue(buffers.binding("y"), &value);
    expectError("y.value is given");
    for (const int32_t beyond : {-1, INT32_MIN, static_cast<int32_t>(tokens_), INT32_MAX}) {
        bindValue(offsetOf(buffers), &beyond);
        expectError("offset.value is ");
    }
}

} // namespace
} // namespace saccade::test
