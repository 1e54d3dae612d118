// SPDX-License-Identifier: Apache-2.0
// Failures of the device: whatever call of Vulkan's fails, the library says so, keeps nothing, and can go on.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "refused.hpp"
#include "support/callbacks.hpp"
#include "support/failing_calls.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

struct Failure {
    VkResult result;
    SacResult answer;
    const char* named;
};
constexpr Failure failures[] = {
    {VK_ERROR_OUT_OF_HOST_MEMORY, SAC_ERROR_OUT_OF_HOST_MEMORY, "VK_ERROR_OUT_OF_HOST_MEMORY"},
    {VK_ERROR_OUT_OF_DEVICE_MEMORY, SAC_ERROR_OUT_OF_DEVICE_MEMORY, "out of device memory"},
    {VK_ERROR_DEVICE_LOST, SAC_ERROR_DEVICE_LOST, "VK_ERROR_DEVICE_LOST"},
    {VK_ERROR_INITIALIZATION_FAILED, SAC_ERROR_VULKAN, "VkResult -3"},
};

enum class Descriptors { pushed, pooled };

// Context, model and plan of one golden file, made one after the other as far as it goes.
class Chain {
public:
    Chain(const host::Device& device, const GoldenCase& golden, const VkAllocationCallbacks* allocator)
        : golden_(golden), contextInfo_(host::contextInfo(device)) {
        contextInfo_.getInstanceProcAddr = FailingCalls::getInstanceProcAddr;
        contextInfo_.allocator = allocator;
        golden.describe(description_);
    }
    ~Chain() {
        sacDestroyPlan(plan);
        sacDestroyModel(model);
        sacDestroyContext(context);
    }
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;

    // Makes what is missing; at a failure the handle in question is null.
    SacResult proceed(SacError& error) {
        SacResult result = SAC_SUCCESS;
        if (!context)
            result = make(context, [&](SacContext* out) { return sacCreateContext(&contextInfo_, out, &error); });
        if (context && !model)
            result = make(model, [&](SacModel* out) {
                SacModelInfo info{};
                info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
                info.data = golden_.bytes.data();
                info.size = golden_.bytes.size();
                return sacCreateModel(context, &info, out, &error);
            });
        if (model && !plan)
            result = make(plan, [&](SacPlan* out) { return sacCreatePlan(model, &description_.get(), out, &error); });
        return result;
    }
    const SacPlanInfo* planInfo() { return &description_.get(); }

    SacContext context = nullptr;
    SacModel model = nullptr;
    SacPlan plan = nullptr;

private:
    template <class Handle, class Create>
    SacResult make(Handle& handle, Create create) {
        handle = reinterpret_cast<Handle>(this);
        const SacResult result = create(&handle);
        EXPECT_EQ(handle != nullptr, result == SAC_SUCCESS);
        if (result != SAC_SUCCESS)
            handle = nullptr;
        return result;
    }

    const GoldenCase& golden_;
    SacContextInfo contextInfo_;
    sac::PlanBuilder description_;
};

class DeviceFailures : public GpuTest, public ::testing::WithParamInterface<Descriptors> {
protected:
    static void TearDownTestSuite() { pooled_.reset(); }

    static const host::Device& chosenDevice() {
        if (GetParam() == Descriptors::pushed)
            return device();
        if (!pooled_) {
            host::DeviceOptions options;
            options.pushDescriptors = false;
            pooled_.emplace(Gpu::get().instance(), device().physical(), options);
        }
        return *pooled_;
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/dalle_attention_0.safetensors"};
    // One pipeline, so that trying every call with every result compiles little.
    const GoldenCase smallest{SACCADE_TEST_DATA "/golden/grid_sample_0.safetensors"};

private:
    static inline std::optional<host::Device> pooled_;
};

// Layouts belong to the context, once they are made; everything else to the plan.
void expectLayoutsOnly(const FailingCalls& calls) {
    for (const auto& [function, count] : calls.live())
        EXPECT_TRUE(function == "vkCreateDescriptorSetLayout" || function == "vkCreatePipelineLayout")
            << count << " objects of " << function << " are left";
}

TEST_P(DeviceFailures, ofEachCallWhileCreating) {
    std::set<std::string> functions;
    for (const Failure& failure : failures) {
        for (uint64_t n = 0;; ++n) {
            SCOPED_TRACE(std::string(failure.named) + " at call " + std::to_string(n));
            ASSERT_LT(n, 200u);
            FailingCalls calls;
            Callbacks callbacks;
            Chain chain(chosenDevice(), smallest, callbacks.get());
            calls.failAt(n, failure.result);
            SacError error = unsetError();
            const SacResult result = chain.proceed(error);
            const std::string failed = calls.failed();
            if (failed.empty()) {
                EXPECT_EQ(result, SAC_SUCCESS) << error.message;
                break;
            }
            functions.insert(failed);
            expectRefused(result, error, failure.answer, failure.named);
            EXPECT_NE(std::string(error.message).find(failed), std::string::npos) << failed << ": " << error.message;
            expectLayoutsOnly(calls);
            if (!chain.context) {
                EXPECT_EQ(callbacks.live(), 0u);
            }

            calls.failNone();
            EXPECT_EQ(chain.proceed(error), SAC_SUCCESS) << error.message;
            if (HasFailure())
                return;
        }
    }
    std::set<std::string> expected = {"vkEnumerateDeviceExtensionProperties",
                                      "vkCreateBuffer",
                                      "vkCreateShaderModule",
                                      "vkCreateComputePipelines",
                                      "vkCreatePipelineLayout",
                                      "vkCreateDescriptorSetLayout"};
    if (!(chosenDevice().features() & SAC_FEATURE_PUSH_DESCRIPTOR_BIT))
        expected.insert({"vkCreateDescriptorPool", "vkAllocateDescriptorSets"});
    EXPECT_EQ(functions, expected);
}

// A failed plan gives back its host memory too, while the context goes on.
TEST_P(DeviceFailures, leaveNoHostMemoryOfThePlan) {
    FailingCalls calls;
    Callbacks callbacks;
    Chain chain(chosenDevice(), golden, callbacks.get());
    SacError error = unsetError();
    ASSERT_EQ(chain.proceed(error), SAC_SUCCESS) << error.message;
    sacDestroyPlan(chain.plan); // leaves the layouts
    chain.plan = nullptr;
    const std::size_t before = callbacks.live();
    for (uint64_t n = 0;; ++n) {
        SCOPED_TRACE(n);
        ASSERT_LT(n, 200u);
        calls.failAt(n, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        const SacResult result = chain.proceed(error);
        if (calls.failed().empty()) {
            EXPECT_EQ(result, SAC_SUCCESS) << error.message;
            break;
        }
        EXPECT_EQ(result, SAC_ERROR_OUT_OF_DEVICE_MEMORY) << error.message;
        EXPECT_EQ(callbacks.live(), before) << "after a failure of " << calls.failed();
    }
}

TEST_P(DeviceFailures, ofTheDeviceItself) {
    FailingCalls calls;
    Callbacks callbacks;
    const host::Device& device = chosenDevice();
    Chain chain(device, golden, callbacks.get());
    SacError error = unsetError();
    ASSERT_EQ(chain.proceed(error), SAC_SUCCESS) << error.message;
    {
        host::Submitter submitter(device);
        sac::PlanBuilder description;
        golden.describe(description);
        const Plan plan(chain.model, description);
        PlanBuffers buffers(device, plan);
        buffers.write("x", golden.inputs.at("x"));
        const SacUploadInfo upload = buffers.uploadInfo();
        const SacRunInfo run = buffers.runInfo();

        calls.failAll(VK_ERROR_DEVICE_LOST);
        sac::PlanBuilder shorter;
        shorter.input("x", {1, 8, 64});
        for (const SacPlanInfo* info : {chain.planInfo(), &shorter.get()}) {
            SacPlan none = reinterpret_cast<SacPlan>(this);
            error = unsetError();
            expectRefused(sacCreatePlan(chain.model, info, &none, &error), error, SAC_ERROR_DEVICE_LOST,
                          "VK_ERROR_DEVICE_LOST");
            EXPECT_EQ(none, nullptr);
        }
        // What exists can be recorded: an engine notices the loss at its next submission.
        submitter.run([&](VkCommandBuffer commandBuffer) {
            EXPECT_EQ(sacCmdUpload(plan, commandBuffer, &upload, &error), SAC_SUCCESS) << error.message;
            host::fullBarrier(commandBuffer);
            EXPECT_EQ(sacCmdRun(plan, commandBuffer, &run, &error), SAC_SUCCESS) << error.message;
            host::fullBarrier(commandBuffer);
        });
    }
    sacDestroyPlan(chain.plan);
    chain.plan = nullptr;
    expectLayoutsOnly(calls);
    sacDestroyModel(chain.model);
    chain.model = nullptr;
    sacDestroyContext(chain.context);
    chain.context = nullptr;
    EXPECT_TRUE(calls.live().empty());
    EXPECT_EQ(callbacks.live(), 0u);
}

// Threads that wait for a pipeline another one compiles must not fail with it, nor wait for ever.
TEST_P(DeviceFailures, ofOneThreadAreItsOwn) {
    constexpr int threads = 8;
    FailingCalls calls;
    Callbacks callbacks;
    Chain chain(chosenDevice(), golden, callbacks.get());
    SacError error = unsetError();
    ASSERT_EQ(chain.proceed(error), SAC_SUCCESS) << error.message;
    sacDestroyPlan(chain.plan);
    chain.plan = nullptr;
    const SacPlanInfo* info = chain.planInfo();
    calls.failFirst("vkCreateComputePipelines", VK_ERROR_OUT_OF_DEVICE_MEMORY);
    std::latch start(threads);
    std::atomic<int> succeeded{0}, failed{0};
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i)
        running.emplace_back([&] {
            SacPlan plan = nullptr;
            start.arrive_and_wait();
            const SacResult result = sacCreatePlan(chain.model, info, &plan, nullptr);
            succeeded += result == SAC_SUCCESS;
            failed += result == SAC_ERROR_OUT_OF_DEVICE_MEMORY;
            sacDestroyPlan(plan);
        });
    for (std::thread& thread : running)
        thread.join();
    EXPECT_EQ(calls.failed(), "vkCreateComputePipelines");
    EXPECT_EQ(failed, 1);
    EXPECT_EQ(succeeded, threads - 1);
    expectLayoutsOnly(calls);
}

INSTANTIATE_TEST_SUITE_P(With, DeviceFailures, ::testing::Values(Descriptors::pushed, Descriptors::pooled),
                         [](const auto& name) { return name.param == Descriptors::pushed ? "push" : "pool"; });

} // namespace
} // namespace saccade::test
