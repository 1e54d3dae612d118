// SPDX-License-Identifier: Apache-2.0
// Recording takes no lock and no memory: the calls of the C library that would are counted, while this thread is
// inside sacCmdUpload or sacCmdRun and not inside the driver.
#include "scene.hpp"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SACCADE_COUNTS_CALLS
#endif

#if defined(SACCADE_COUNTS_CALLS)
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace {

thread_local bool counting = false;
thread_local int allocations = 0, locks = 0;

void* counted(void* memory) {
    allocations += counting;
    return memory;
}

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

} // namespace

// The program's own definitions come before the C library's, for every library of the process.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t bytes) { return counted(__libc_malloc(bytes)); }
void* calloc(size_t count, size_t bytes) { return counted(__libc_calloc(count, bytes)); }
void* realloc(void* old, size_t bytes) { return counted(__libc_realloc(old, bytes)); }
void* aligned_alloc(size_t alignment, size_t bytes) { return counted(__libc_memalign(alignment, bytes)); }
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
    void* made = counted(__libc_memalign(alignment, bytes));
    if (!made)
        return ENOMEM;
    *memory = made;
    return 0;
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    static const auto real = next<int(pthread_mutex_t*)>("pthread_mutex_lock");
    locks += counting;
    return real(mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
    static const auto real = next<int(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
    locks += counting;
    return real(lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
    static const auto real = next<int(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
    locks += counting;
    return real(lock);
}
}
#endif

namespace saccade::test {
namespace {

#if defined(SACCADE_COUNTS_CALLS)

// The functions of the driver that recording calls, each with a way around the counting.
enum Function {
    cmdBindPipeline,
    cmdBindDescriptorSets,
    cmdPushConstants,
    cmdDispatch,
    cmdDispatchIndirect,
    cmdPipelineBarrier,
    cmdCopyBuffer,
    cmdUpdateBuffer,
    updateDescriptorSets,
    updateDescriptorSetWithTemplate,
    cmdPushDescriptorSet,
    cmdPushDescriptorSetWithTemplate,
    cmdBeginLabel,
    cmdEndLabel
};

int driverCalls = 0;

template <Function function, class Pointer>
struct Uncounted;

template <Function function, class... Arguments>
struct Uncounted<function, void(VKAPI_PTR*)(Arguments...)> {
    static inline void(VKAPI_PTR* real)(Arguments...) = nullptr;

    static void VKAPI_CALL call(Arguments... arguments) {
        const bool before = std::exchange(counting, false);
        ++driverCalls;
        real(arguments...);
        counting = before;
    }
};

PFN_vkVoidFunction VKAPI_CALL deviceProcAddr(VkDevice device, const char* name) {
    const PFN_vkVoidFunction found = vkGetDeviceProcAddr(device, name);
#define SACCADE_UNCOUNTED(function, type, vulkanName)                                                                  \
    if (found && name == std::string(vulkanName)) {                                                                    \
        Uncounted<function, type>::real = reinterpret_cast<type>(found);                                               \
        return reinterpret_cast<PFN_vkVoidFunction>(Uncounted<function, type>::call);                                  \
    }
    SACCADE_UNCOUNTED(cmdBindPipeline, PFN_vkCmdBindPipeline, "vkCmdBindPipeline")
    SACCADE_UNCOUNTED(cmdBindDescriptorSets, PFN_vkCmdBindDescriptorSets, "vkCmdBindDescriptorSets")
    SACCADE_UNCOUNTED(cmdPushConstants, PFN_vkCmdPushConstants, "vkCmdPushConstants")
    SACCADE_UNCOUNTED(cmdDispatch, PFN_vkCmdDispatch, "vkCmdDispatch")
    SACCADE_UNCOUNTED(cmdDispatchIndirect, PFN_vkCmdDispatchIndirect, "vkCmdDispatchIndirect")
    SACCADE_UNCOUNTED(cmdPipelineBarrier, PFN_vkCmdPipelineBarrier, "vkCmdPipelineBarrier")
    SACCADE_UNCOUNTED(cmdCopyBuffer, PFN_vkCmdCopyBuffer, "vkCmdCopyBuffer")
    SACCADE_UNCOUNTED(cmdUpdateBuffer, PFN_vkCmdUpdateBuffer, "vkCmdUpdateBuffer")
    SACCADE_UNCOUNTED(updateDescriptorSets, PFN_vkUpdateDescriptorSets, "vkUpdateDescriptorSets")
    SACCADE_UNCOUNTED(updateDescriptorSetWithTemplate, PFN_vkUpdateDescriptorSetWithTemplate,
                      "vkUpdateDescriptorSetWithTemplate")
    SACCADE_UNCOUNTED(cmdPushDescriptorSet, PFN_vkCmdPushDescriptorSetKHR, "vkCmdPushDescriptorSetKHR")
    SACCADE_UNCOUNTED(cmdPushDescriptorSetWithTemplate, PFN_vkCmdPushDescriptorSetWithTemplateKHR,
                      "vkCmdPushDescriptorSetWithTemplateKHR")
    SACCADE_UNCOUNTED(cmdBeginLabel, PFN_vkCmdBeginDebugUtilsLabelEXT, "vkCmdBeginDebugUtilsLabelEXT")
    SACCADE_UNCOUNTED(cmdEndLabel, PFN_vkCmdEndDebugUtilsLabelEXT, "vkCmdEndDebugUtilsLabelEXT")
#undef SACCADE_UNCOUNTED
    return found;
}

PFN_vkVoidFunction VKAPI_CALL instanceProcAddr(VkInstance instance, const char* name) {
    return name == std::string("vkGetDeviceProcAddr") ? reinterpret_cast<PFN_vkVoidFunction>(deviceProcAddr)
                                                      : vkGetInstanceProcAddr(instance, name);
}

template <class Call>
std::pair<int, int> count(Call call) {
    allocations = locks = 0;
    counting = true;
    call();
    counting = false;
    return {allocations, locks};
}

#endif

class Quiet : public GpuTest, public ::testing::WithParamInterface<Descriptors> {};

TEST_P(Quiet, recordingAnUploadAndARun) {
#if defined(SACCADE_COUNTS_CALLS)
    // What is counted is counted.
    std::mutex mutex;
    std::shared_mutex shared;
    void* volatile block = nullptr;
    EXPECT_EQ(count([&] { block = std::malloc(3); }), (std::pair{1, 0}));
    std::free(block);
    EXPECT_EQ(count([&] { block = ::operator new(5); }), (std::pair{1, 0}));
    ::operator delete(block);
    EXPECT_EQ(count([&] { block = std::aligned_alloc(64, 64); }), (std::pair{1, 0}));
    std::free(block);
    EXPECT_EQ(count([&] { const std::lock_guard lock(mutex); }), (std::pair{0, 1}));
    EXPECT_EQ(count([&] { const std::lock_guard lock(shared); }), (std::pair{0, 1}));
    EXPECT_EQ(count([&] { const std::shared_lock lock(shared); }), (std::pair{0, 1}));

    const host::Device device(Gpu::get().instance(), Gpu::get().device().physical(), deviceOptions(GetParam()));
    const GoldenCase golden(attentionPath);
    SacContextInfo contextInfo = host::contextInfo(device);
    contextInfo.getInstanceProcAddr = instanceProcAddr;
    SacContext context = nullptr;
    ASSERT_EQ(sacCreateContext(&contextInfo, &context, nullptr), SAC_SUCCESS);
    {
        Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        Plan plan(model, description);
        PlanBuffers buffers(device, plan);
        const SacUploadInfo upload = buffers.uploadInfo();
        const SacRunInfo info = buffers.runInfo();
        CommandBuffer commands(device);
        commands.begin();
        SacResult result = SAC_ERROR_INTERNAL;
        driverCalls = 0;
        EXPECT_EQ(count([&] { result = sacCmdUpload(plan, commands, &upload, nullptr); }), (std::pair{0, 0}))
            << "allocations and locks of the upload";
        EXPECT_EQ(result, SAC_SUCCESS);
        EXPECT_GE(driverCalls, 2) << "the copy and its barrier at least";
        driverCalls = 0;
        EXPECT_EQ(count([&] { result = sacCmdRun(plan, commands, &info, nullptr); }), (std::pair{0, 0}))
            << "allocations and locks";
        EXPECT_EQ(result, SAC_SUCCESS);
        EXPECT_GE(driverCalls, static_cast<int>(2 * plan.properties().dispatchCount));
        commands.end();
    }
    sacDestroyContext(context);
#else
    GTEST_SKIP() << "the C library's calls are counted with glibc and without the address and thread sanitizers";
#endif
}

INSTANTIATE_TEST_SUITE_P(With, Quiet, ::testing::Values(Descriptors::pushed, Descriptors::pooled), descriptorsName);

} // namespace
} // namespace saccade::test
