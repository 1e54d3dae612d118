// SPDX-License-Identifier: Apache-2.0
// Pipelines compiled on lent threads: the same plan, whatever the engine does with the jobs.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "refused.hpp"
#include "support/callbacks.hpp"
#include "support/failing_calls.hpp"
#include "support/golden.hpp"
#include "support/headless.hpp"

namespace saccade::test {
namespace {

constexpr const char* compiles = "vkCreateComputePipelines";

// An engine's parallelFor.
struct Lender {
    using Job = std::function<void(uint32_t index)>;

    explicit Lender(std::function<void(uint32_t count, const Job& job)> parallelFor)
        : parallelFor(std::move(parallelFor)) {
        jobs.userData = this;
        jobs.parallelFor = [](void* self, uint32_t count, SacCompileJob job, void* jobData) {
            Lender& lender = *static_cast<Lender*>(self);
            ++lender.calls;
            lender.count = count;
            lender.job = [=](uint32_t index) { job(jobData, index); };
            lender.parallelFor(count, lender.job);
        };
    }
    Lender(const Lender&) = delete;
    Lender& operator=(const Lender&) = delete;

    std::function<void(uint32_t count, const Job& job)> parallelFor;
    SacCompileJobs jobs = sac::make<SacCompileJobs>();
    uint32_t calls = 0, count = 0;
    Job job; ///< of the last call
};

void onTheCaller(uint32_t count, const Lender::Job& job) {
    for (uint32_t i = 0; i < count; ++i)
        job(i);
}
void backwards(uint32_t count, const Lender::Job& job) {
    while (count > 0)
        job(--count);
}
// On three threads and the caller's.
void onThreads(uint32_t count, const Lender::Job& job) {
    std::atomic<uint32_t> next{0};
    const auto work = [&] {
        for (uint32_t i = next++; i < count; i = next++)
            job(i);
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back(work);
    work();
    for (std::thread& thread : threads)
        thread.join();
}

class CompileJobs : public GpuTest {
protected:
    CompileJobs() {
        golden.describe(description);
        SacContextInfo info = host::contextInfo(device());
        info.getInstanceProcAddr = FailingCalls::getInstanceProcAddr;
        info.allocator = callbacks.get();
        context.emplace(info);
        model.emplace(*context, golden.bytes);
        Lender first(onTheCaller); // leaves layouts and what else belongs to the context
        EXPECT_EQ(create(first), SAC_SUCCESS) << error.message;
        pipelines = first.count;
        end();
        live = callbacks.live();
    }
    ~CompileJobs() override {
        end();
        model.reset();
        context.reset();
    }

    SacResult create(Lender& lender) {
        description.info.pNext = &lender.jobs;
        error = unsetError();
        plan = reinterpret_cast<SacPlan>(this);
        const SacResult result = sacCreatePlan(*model, &description.get(), &plan, &error);
        description.info.pNext = nullptr;
        EXPECT_EQ(plan != nullptr, result == SAC_SUCCESS);
        return result;
    }
    void end() { sacDestroyPlan(std::exchange(plan, nullptr)); }

    void expectNothingLeft() {
        for (const auto& [function, count] : calls.live())
            EXPECT_TRUE(function == "vkCreateDescriptorSetLayout" || function == "vkCreatePipelineLayout")
                << count << " objects of " << function << " are left";
        EXPECT_EQ(callbacks.live(), live);
    }

    // Creates the plan and says how many pipelines that took.
    std::size_t compiled(Lender& lender) {
        const std::size_t before = calls.calls(compiles);
        EXPECT_EQ(create(lender), SAC_SUCCESS) << error.message;
        return calls.calls(compiles) - before;
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"};
    FailingCalls calls;
    Callbacks callbacks;
    std::optional<Context> context;
    std::optional<Model> model;
    sac::PlanBuilder description;
    uint32_t pipelines = 0; ///< of the plan
    std::size_t live = 0;   ///< allocations without a plan
    SacPlan plan = nullptr;
    SacError error{};
};

TEST_F(CompileJobs, areTheDistinctPipelines) {
    for (const SacPlanFlags flags : {VkFlags{0}, VkFlags{SAC_PLAN_CONDITIONAL_BIT}}) {
        SCOPED_TRACE(flags);
        description.info.flags = flags;
        for (auto parallelFor : {onTheCaller, backwards, onThreads}) {
            Lender lender(parallelFor);
            EXPECT_EQ(compiled(lender), lender.count);
            EXPECT_EQ(lender.calls, 1u);
            SacPlanProperties properties = sac::make<SacPlanProperties>();
            EXPECT_EQ(sacGetPlanProperties(plan, &properties, &error), SAC_SUCCESS);
            EXPECT_EQ(lender.count, properties.pipelineCount);
            EXPECT_EQ(lender.count, pipelines + (flags ? 1 : 0));
            // Another plan has nothing to compile.
            const SacPlan first = std::exchange(plan, nullptr);
            Lender again(parallelFor);
            EXPECT_EQ(compiled(again), 0u);
            EXPECT_EQ(again.calls, 0u);
            end();
            sacDestroyPlan(first);
            expectNothingLeft();
        }
    }
}

TEST_F(CompileJobs, changeNothingOfThePlan) {
    const auto run = [&] {
        const Plan made(*model, description);
        return runOnce(made, golden.inputs, golden.outputs);
    };
    const reference::Tensors expected = run();
    Lender lender(onThreads);
    description.info.pNext = &lender.jobs;
    const reference::Tensors results = run();
    EXPECT_EQ(lender.calls, 1u);
    ASSERT_EQ(results.size(), expected.size());
    for (const auto& [name, tensor] : expected)
        EXPECT_EQ(results.at(name).data, tensor.data) << name;
}

// What progress was told: on which thread, and how far.
struct Told {
    std::vector<std::pair<uint32_t, uint32_t>> steps;
    std::set<std::thread::id> threads;
    std::size_t stopAt = ~std::size_t{0};

    void attach(SacPlanInfo& info) {
        info.progressUserData = this;
        info.progress = [](void* self, uint32_t done, uint32_t total) -> VkBool32 {
            Told& told = *static_cast<Told*>(self);
            told.threads.insert(std::this_thread::get_id());
            told.steps.emplace_back(done, total);
            return told.steps.size() <= told.stopAt;
        };
    }
};

TEST_F(CompileJobs, progressStaysOnTheThread) {
    for (auto parallelFor : {onTheCaller, backwards, onThreads}) {
        Told told;
        told.attach(description.info);
        Lender lender(parallelFor);
        EXPECT_EQ(create(lender), SAC_SUCCESS) << error.message;
        EXPECT_EQ(told.threads, std::set{std::this_thread::get_id()});
        uint32_t previous = 0, total = 1;
        for (const auto& [done, of] : told.steps) {
            EXPECT_GE(done, previous);
            EXPECT_LE(done, of);
            previous = done;
            if (total == 1)
                total = of;
            EXPECT_EQ(of, total);
        }
        EXPECT_EQ(previous, total);
        SacPlanProperties properties = sac::make<SacPlanProperties>();
        EXPECT_EQ(sacGetPlanProperties(plan, &properties, &error), SAC_SUCCESS);
        EXPECT_GE(total, properties.dispatchCount + pipelines);
        for (uint32_t job = 1; parallelFor == onTheCaller && job < pipelines; ++job)
            EXPECT_EQ(std::ranges::count(told.steps, std::pair{job, total}), 1) << "before job " << job;
        end();
    }
}

TEST_F(CompileJobs, cancelAtEachStep) {
    for (auto parallelFor : {backwards, onThreads})
        for (std::size_t n = 0;; ++n) {
            SCOPED_TRACE(n);
            ASSERT_LT(n, 300u);
            Told told;
            told.stopAt = n;
            told.attach(description.info);
            Lender lender(parallelFor);
            const SacResult result = create(lender);
            if (result == SAC_SUCCESS) {
                EXPECT_LE(told.steps.size(), n);
                end();
                break;
            }
            expectRefused(result, error, SAC_ERROR_CANCELLED, "cancelled by the progress callback");
            EXPECT_EQ(told.steps.size(), n + 1) << "asked after it said no";
            expectNothingLeft();
        }
}

TEST_F(CompileJobs, failuresOfEachCall) {
    for (auto parallelFor : {backwards, onThreads}) {
        std::set<std::string> failed;
        for (uint64_t n = 0;; ++n) {
            SCOPED_TRACE(n);
            ASSERT_LT(n, 200u);
            calls.failAt(n, VK_ERROR_OUT_OF_DEVICE_MEMORY);
            Lender lender(parallelFor);
            const SacResult result = create(lender);
            if (calls.failed().empty()) {
                EXPECT_EQ(result, SAC_SUCCESS) << error.message;
                end();
                break;
            }
            failed.insert(calls.failed());
            expectRefused(result, error, SAC_ERROR_OUT_OF_DEVICE_MEMORY, calls.failed().c_str());
            expectNothingLeft();
        }
        EXPECT_TRUE(failed.contains(compiles));
        EXPECT_TRUE(failed.contains("vkCreateShaderModule"));
    }
}

// The first ones, then some: each takes a plan.
TEST_F(CompileJobs, failuresOfAllocations) {
    for (std::size_t n = 0;; n += 1 + n / 8) {
        SCOPED_TRACE(n);
        ASSERT_LT(n, 100000u);
        callbacks.failAt(n);
        Lender lender(backwards);
        const SacResult result = create(lender);
        if (!callbacks.failed()) {
            EXPECT_EQ(result, SAC_SUCCESS) << error.message;
            end();
            break;
        }
        EXPECT_EQ(result, SAC_ERROR_OUT_OF_HOST_MEMORY) << error.message;
        expectNothingLeft();
        if (HasFailure())
            break;
    }
    callbacks.failAt(Callbacks::never);
}

// The error answered is that of the lowest index, whichever came first.
TEST_F(CompileJobs, theLowestFailureIsAnswered) {
    ASSERT_GE(pipelines, 3u);
    Lender lender([&](uint32_t, const Lender::Job& job) {
        calls.failAll(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        job(2);
        calls.failAll(VK_ERROR_DEVICE_LOST);
        job(1);
        calls.failNone();
        job(0);
    });
    const std::size_t before = calls.calls(compiles);
    expectRefused(create(lender), error, SAC_ERROR_DEVICE_LOST, "VK_ERROR_DEVICE_LOST");
    EXPECT_EQ(calls.calls(compiles) - before, 1u) << "0 is below the failures, no other job is";
    expectNothingLeft();
}

TEST_F(CompileJobs, missingOnesAreMadeUpFor) {
    const std::function<void(uint32_t, const Lender::Job&)> engines[] = {
        [](uint32_t, const Lender::Job&) {},
        [](uint32_t count, const Lender::Job& job) { job(count - 1); },
        [](uint32_t count, const Lender::Job& job) {
            for (uint32_t i = 0; i < count; i += 2)
                job(i);
        },
    };
    for (const auto& engine : engines) {
        Lender lender(engine);
        EXPECT_EQ(compiled(lender), pipelines);
        end();
        expectNothingLeft();
    }
}

TEST_F(CompileJobs, surplusOnesDoNothing) {
    Lender twice([](uint32_t count, const Lender::Job& job) {
        onThreads(2 * count, [&](uint32_t i) { job(i % count); });
        job(count);
        job(~0u);
        backwards(count, job);
    });
    EXPECT_EQ(compiled(twice), pipelines);
    // Too late: with the plan there, and gone.
    const std::size_t before = calls.calls(compiles);
    onTheCaller(pipelines, twice.job);
    end();
    onThreads(pipelines, twice.job);
    EXPECT_EQ(calls.calls(compiles), before);
    expectNothingLeft();
}

// parallelFor returns at once, and its threads go on.
TEST_F(CompileJobs, endBeforeThePlanIsThere) {
    for (int i = 0; i < 4; ++i) {
        std::vector<std::thread> threads;
        Lender lender([&](uint32_t count, const Lender::Job& job) {
            for (uint32_t k = 0; k < count; ++k)
                threads.emplace_back([job, k] { job(k); });
        });
        EXPECT_EQ(compiled(lender), pipelines);
        end();
        for (std::thread& thread : threads)
            thread.join();
        expectNothingLeft();
    }
}

TEST_F(CompileJobs, exceptionsCancel) {
    for (const uint32_t after : {0u, 1u, pipelines}) {
        SCOPED_TRACE(after);
        Lender lender([&](uint32_t, const Lender::Job& job) {
            onTheCaller(after, job);
            throw std::runtime_error("the engine's");
        });
        expectRefused(create(lender), error, SAC_ERROR_CANCELLED, "parallelFor threw");
        expectNothingLeft();
    }
    std::vector<std::thread> threads;
    Lender lender([&](uint32_t count, const Lender::Job& job) {
        for (uint32_t k = 0; k < count; ++k)
            threads.emplace_back([job, k] { job(k); });
        throw 1;
    });
    expectRefused(create(lender), error, SAC_ERROR_CANCELLED, "parallelFor threw");
    for (std::thread& thread : threads)
        thread.join();
    expectNothingLeft();
}

// Several plans at once, with threads of their own.
TEST_F(CompileJobs, ofSeveralPlansAtOnce) {
    constexpr int plans = 4;
    std::vector<std::thread> threads;
    std::atomic<int> made{0};
    for (int i = 0; i < plans; ++i)
        threads.emplace_back([&] {
            sac::PlanBuilder own;
            golden.describe(own);
            Lender lender(onThreads);
            own.info.pNext = &lender.jobs;
            SacPlan one = nullptr;
            made += sacCreatePlan(*model, &own.get(), &one, nullptr) == SAC_SUCCESS;
            sacDestroyPlan(one);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(made, plans);
}

TEST_F(CompileJobs, needAFunction) {
    Lender lender(onTheCaller);
    lender.jobs.parallelFor = nullptr;
    expectRefused(create(lender), error, SAC_ERROR_INVALID_ARGUMENT, "SacCompileJobs::parallelFor is null");
    expectNothingLeft();
}

TEST_F(CompileJobs, areNoneWithoutADevice) {
    const Context nowhere(desktopProfile());
    const Model there(nowhere, golden.bytes);
    Lender lender(onTheCaller);
    sac::PlanBuilder own;
    golden.describe(own);
    own.info.pNext = &lender.jobs;
    const Plan made(there, own);
    EXPECT_EQ(lender.calls, 0u);
}

} // namespace
} // namespace saccade::test
