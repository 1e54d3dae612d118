// SPDX-License-Identifier: Apache-2.0
// Threads: one plan recorded by many at once, and one plan made by many at once.
#include <atomic>
#include <cstring>
#include <latch>
#include <thread>

#include "scene.hpp"
#include "support/failing_calls.hpp"

namespace saccade::test {
namespace {

constexpr int threadCount = 8;

class Threads : public GpuTest, public ::testing::WithParamInterface<Descriptors> {};

// What one thread records: runs one after the other, each with an output of its own, in a workspace of the thread's.
struct Work {
    static constexpr int runs = 16;

    Work(Scene& scene, int input) : commands(scene.device), buffers(scene.moreBuffers(input)) {
        bindings.assign(runs, buffers.bindings);
        for (std::vector<SacTensorBinding>& run : bindings)
            for (SacTensorBinding& binding : run)
                if (buffers.name(binding) == "y") {
                    outputs.emplace_back(scene.device, binding.buffer.size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                                         host::BufferMemory::readback);
                    binding.buffer = outputs.back().range();
                }
    }

    // Returns the number of calls that failed.
    int record(SacPlan plan) {
        int failures = 0;
        commands.begin();
        for (const std::vector<SacTensorBinding>& run : bindings) {
            SacRunInfo info = buffers.runInfo();
            info.bindings = run.data();
            failures += sacCmdRun(plan, commands, &info, nullptr) != SAC_SUCCESS;
            barrier(commands, computeWrites, computeUses);
        }
        barrier(commands, computeWrites, hostReads);
        commands.end();
        return failures;
    }

    CommandBuffer commands;
    PlanBuffers& buffers;
    std::deque<host::Buffer> outputs;
    std::vector<std::vector<SacTensorBinding>> bindings; // of each run
};

TEST_P(Threads, recordOnePlan) {
    Scene scene(GetParam(), threadCount * Work::runs + 1); // and the ordinary run
    const Bytes expected[] = {scene.expected, scene.runOrdinarily(1)};
    std::deque<Work> works;
    for (int i = 0; i < threadCount; ++i)
        works.emplace_back(scene, i % 2);
    std::latch start(threadCount);
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (Work& work : works)
        threads.emplace_back([&] {
            start.arrive_and_wait();
            failures += work.record(*scene.plan);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(failures, 0);
    std::vector<VkCommandBuffer> recorded;
    for (const Work& work : works)
        recorded.push_back(work.commands);
    submitAndWait(scene.device.queue(), recorded);
    for (std::size_t i = 0; i < works.size(); ++i)
        for (const host::Buffer& output : works[i].outputs)
            EXPECT_TRUE(std::ranges::equal(output.mapped(), expected[i % 2])) << "thread " << i;
}

// All get a plan of one model, and end it.
void makeAtOnce(const host::Device& device, PFN_vkGetInstanceProcAddr getInstanceProcAddr, uint32_t& pipelines) {
    const GoldenCase golden(attentionPath);
    SacContextInfo info = host::contextInfo(device);
    info.getInstanceProcAddr = getInstanceProcAddr;
    SacContext context = nullptr;
    ASSERT_EQ(sacCreateContext(&info, &context, nullptr), SAC_SUCCESS);
    {
        Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        const SacPlanInfo* planInfo = &description.get();
        std::latch start(threadCount);
        std::vector<SacPlan> plans(threadCount);
        std::vector<std::thread> threads;
        for (SacPlan& plan : plans)
            threads.emplace_back([&] {
                start.arrive_and_wait();
                EXPECT_EQ(sacCreatePlan(model, planInfo, &plan, nullptr), SAC_SUCCESS);
            });
        for (std::thread& thread : threads)
            thread.join();
        SacPlanProperties properties{};
        properties.sType = SAC_STRUCTURE_TYPE_PLAN_PROPERTIES;
        EXPECT_EQ(sacGetPlanProperties(plans[0], &properties, nullptr), SAC_SUCCESS);
        pipelines = properties.pipelineCount;
        threads.clear();
        for (const SacPlan plan : plans)
            threads.emplace_back([plan] { sacDestroyPlan(plan); });
        for (std::thread& thread : threads)
            thread.join();
    }
    sacDestroyContext(context);
}

// Nothing of the test's own between library and driver: its locks would order what the thread sanitizer looks for.
TEST_P(Threads, makeOnePlan) {
    const host::Device device(Gpu::get().instance(), Gpu::get().device().physical(), deviceOptions(GetParam()));
    uint32_t pipelines = 0;
    makeAtOnce(device, vkGetInstanceProcAddr, pipelines);
    EXPECT_GT(pipelines, 0u);
}

TEST_P(Threads, compileWhatTheyShareOnce) {
    const host::Device device(Gpu::get().instance(), Gpu::get().device().physical(), deviceOptions(GetParam()));
    FailingCalls calls;
    uint32_t pipelines = 0;
    makeAtOnce(device, FailingCalls::getInstanceProcAddr, pipelines);
    EXPECT_EQ(calls.calls("vkCreateComputePipelines"), pipelines);
    EXPECT_TRUE(calls.live().empty());
}

INSTANTIATE_TEST_SUITE_P(With, Threads, ::testing::Values(Descriptors::pushed, Descriptors::pooled), descriptorsName);

} // namespace
} // namespace saccade::test
