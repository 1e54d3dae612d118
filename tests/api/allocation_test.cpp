// SPDX-License-Identifier: Apache-2.0
// Host memory: through the engine's callbacks alone, given back whatever fails, and none while recording.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "reference/compare.hpp"
#include "refused.hpp"
#include "support/callbacks.hpp"
#include "support/golden.hpp"

namespace {

std::atomic<std::size_t> globalNews{0};

void* countedNew(std::size_t bytes, std::size_t alignment) noexcept {
    ++globalNews;
    alignment = std::max(alignment, sizeof(void*));
    return std::aligned_alloc(alignment, (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment);
}

void* orThrow(void* memory) {
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

constexpr std::size_t plain = alignof(std::max_align_t);

} // namespace

// All forms, or the address sanitizer's own would answer some of them uncounted.
void* operator new(std::size_t n) { return orThrow(countedNew(n, plain)); }
void* operator new[](std::size_t n) { return orThrow(countedNew(n, plain)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return countedNew(n, plain); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return countedNew(n, plain); }
void* operator new(std::size_t n, std::align_val_t a) { return orThrow(countedNew(n, static_cast<std::size_t>(a))); }
void* operator new[](std::size_t n, std::align_val_t a) { return orThrow(countedNew(n, static_cast<std::size_t>(a))); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace saccade::test {
namespace {

// Lets allocation 0, 1, 2, ... of `call` fail until it needs no more. Each failure is answered by OUT_OF_HOST_MEMORY, a
// null handle and all memory given back. `call` returns the result and whether the handle is null; what it makes in the
// end it destroys.
template <class Call>
std::size_t failEveryAllocation(Callbacks& callbacks, Call call) {
    const std::size_t before = callbacks.live();
    for (std::size_t n = 0; n < 100000; ++n) {
        SacError error = unsetError();
        callbacks.failAt(n);
        const SacResult result = call(error);
        const bool failed = callbacks.failed();
        callbacks.failAt(Callbacks::never);
        EXPECT_EQ(callbacks.live(), before) << "after failure of allocation " << n;
        if (!failed) {
            EXPECT_EQ(result, SAC_SUCCESS) << error.message;
            return n;
        }
        EXPECT_EQ(result, SAC_ERROR_OUT_OF_HOST_MEMORY) << "allocation " << n << ": " << error.message;
        if (::testing::Test::HasFailure())
            break;
    }
    return 0;
}

class Allocation : public GpuTest {
protected:
    SacResult makePlan(SacModel model, sac::PlanBuilder& description, SacError& error) {
        SacPlan plan = reinterpret_cast<SacPlan>(this);
        const SacResult result = sacCreatePlan(model, &description.get(), &plan, &error);
        EXPECT_EQ(plan != nullptr, result == SAC_SUCCESS);
        sacDestroyPlan(plan);
        return result;
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"};
    SacModelInfo modelInfo{
        SAC_STRUCTURE_TYPE_MODEL_INFO, nullptr, golden.bytes.data(), golden.bytes.size(), nullptr, nullptr, nullptr};
};

TEST_F(Allocation, everyFailureOfAContext) {
    Callbacks callbacks;
    const std::size_t count = failEveryAllocation(callbacks, [&](SacError& error) {
        SacContextInfo info = host::contextInfo(device());
        info.allocator = callbacks.get();
        SacContext context = reinterpret_cast<SacContext>(this);
        const SacResult result = sacCreateContext(&info, &context, &error);
        EXPECT_EQ(context != nullptr, result == SAC_SUCCESS);
        sacDestroyContext(context);
        return result;
    });
    EXPECT_GT(count, 0u);
}

TEST_F(Allocation, everyFailureOfAModel) {
    Callbacks callbacks;
    Context context(device(), callbacks.get());
    const std::size_t count = failEveryAllocation(callbacks, [&](SacError& error) {
        SacModel model = reinterpret_cast<SacModel>(this);
        const SacResult result = sacCreateModel(context, &modelInfo, &model, &error);
        EXPECT_EQ(model != nullptr, result == SAC_SUCCESS);
        sacDestroyModel(model);
        return result;
    });
    EXPECT_GT(count, 10u);
}

TEST_F(Allocation, everyFailureOfAPlan) {
    Callbacks callbacks;
    Context context(device(), callbacks.get());
    Model model(context, modelInfo);
    sac::PlanBuilder description;
    description.input("x", {3, 64, 37}).output("y", SAC_DATA_TYPE_DEFAULT, SAC_LAYOUT_CHANNELS_LAST).output("vgrid");
    description.info.flags = SAC_PLAN_CONDITIONAL_BIT; // takes all that another plan takes, and more
    // Its twin holds the pipelines, so that the sweep does not compile them hundreds of times.
    const Plan twin(model, description);
    const std::size_t count =
        failEveryAllocation(callbacks, [&](SacError& error) { return makePlan(model, description, error); });
    EXPECT_GT(count, 50u);
}

TEST_F(Allocation, everyFailureOfAPlanWithPipelines) {
    if (device().instance().validation() == host::Validation::gpuAssisted)
        GTEST_SKIP() << "instrumenting a shader takes the callbacks too, and its failure ends GPU-assisted validation";
    Callbacks callbacks;
    Context context(device(), callbacks.get());
    SacModelInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    info.module = "grid_sample";
    info.config = R"({"dims": 1})";
    Model model(context, info);
    sac::PlanBuilder description;
    description.input("x", {1, 4, 4}).input("grid", {1, 3, 1});
    // A layout that a first plan has left behind belongs to the context.
    SacError error = unsetError();
    ASSERT_EQ(makePlan(model, description, error), SAC_SUCCESS) << error.message;
    const std::size_t count =
        failEveryAllocation(callbacks, [&](SacError& failure) { return makePlan(model, description, failure); });
    EXPECT_GT(count, 10u);
}

TEST_F(Allocation, cancelledPlansLeaveNothing) {
    Callbacks callbacks;
    Context context(device(), callbacks.get());
    Model model(context, modelInfo);
    sac::PlanBuilder description;
    description.input("x", {3, 64, 37});
    const Plan twin(model, description);
    const std::size_t before = callbacks.live();
    struct Stop {
        uint32_t after;
    } stop{0};
    description.info.progressUserData = &stop;
    description.info.progress = [](void* data, uint32_t done, uint32_t) -> VkBool32 {
        return done < static_cast<Stop*>(data)->after;
    };
    for (;; ++stop.after) {
        ASSERT_LT(stop.after, 1000u);
        SacError error = unsetError();
        const SacResult result = makePlan(model, description, error);
        EXPECT_EQ(callbacks.live(), before) << "cancelled before pipeline " << stop.after;
        if (result == SAC_SUCCESS)
            break;
        EXPECT_EQ(result, SAC_ERROR_CANCELLED) << error.message;
    }
}

// The validation layer and LLVM are C++ and use operator new themselves, so neither may be at work while it is counted.
TEST(AllocationUnwatched, nothingBesideTheCallbacks) {
    host::Instance instance;
    const host::Device device(instance, host::chooseDevice(instance, "cpu"));
    host::Submitter submitter(device);
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors");
    Callbacks callbacks;
    SacContextInfo info = host::contextInfo(device);
    info.allocator = callbacks.get();
    SacModelInfo modelInfo{
        SAC_STRUCTURE_TYPE_MODEL_INFO, nullptr, golden.bytes.data(), golden.bytes.size(), nullptr, nullptr, nullptr};
    sac::PlanBuilder description;
    description.input("x", {3, 64, 37}).output("y").output("vgrid");
    const SacPlanInfo* planInfo = &description.get();

    SacContext context = nullptr;
    SacModel model = nullptr;
    SacPlan twin = nullptr, plan = nullptr;
    std::size_t before = globalNews;
    EXPECT_EQ(sacCreateContext(&info, &context, nullptr), SAC_SUCCESS);
    EXPECT_EQ(sacCreateModel(context, &modelInfo, &model, nullptr), SAC_SUCCESS);
    EXPECT_EQ(globalNews, before) << "context and model";
    ASSERT_EQ(sacCreatePlan(model, planInfo, &twin, nullptr), SAC_SUCCESS); // compiles, in the driver's C++
    before = globalNews;
    EXPECT_EQ(sacCreatePlan(model, planInfo, &plan, nullptr), SAC_SUCCESS);
    EXPECT_EQ(globalNews, before) << "plan";
    sacDestroyPlan(twin);

    {
        // Buffers live as long as the plan's names do.
        sac::PlanBuilder again;
        again.input("x", {3, 64, 37}).output("y").output("vgrid");
        again.info.flags = SAC_PLAN_CONDITIONAL_BIT; // records all that another plan records, and more
        const Plan same(model, again);
        PlanBuffers buffers(device, same);
        const host::Buffer enable(device, 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, host::BufferMemory::upload);
        std::ranges::fill(enable.mapped(), std::byte{1});
        buffers.enable = enable.range();
        buffers.write("x", golden.inputs.at("x"));
        const SacUploadInfo upload = buffers.uploadInfo();
        const SacRunInfo run = buffers.runInfo();
        submitter.run([&](VkCommandBuffer commandBuffer) {
            std::size_t news = globalNews;
            EXPECT_EQ(sacCmdUpload(same, commandBuffer, &upload, nullptr), SAC_SUCCESS);
            EXPECT_EQ(globalNews, news) << "sacCmdUpload";
            host::fullBarrier(commandBuffer);
            news = globalNews;
            const std::size_t called = callbacks.allocations(), alive = callbacks.live();
            EXPECT_EQ(sacCmdRun(same, commandBuffer, &run, nullptr), SAC_SUCCESS);
            EXPECT_EQ(globalNews, news) << "sacCmdRun";
            EXPECT_EQ(callbacks.allocations(), called) << "recording a run allocates nothing";
            EXPECT_EQ(callbacks.live(), alive);
            host::fullBarrier(commandBuffer);
        });
        EXPECT_LE(reference::relativeError(buffers.read("y"), golden.outputs.at("y")), 2e-4);
    }
    sacDestroyPlan(plan);
    sacDestroyModel(model);
    sacDestroyContext(context);
}

} // namespace
} // namespace saccade::test
