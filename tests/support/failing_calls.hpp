// SPDX-License-Identifier: Apache-2.0
// The real driver, some of whose calls fail when they are told to.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace saccade::test {

/// Stands between the library and Vulkan: hand getInstanceProcAddr to sacCreateContext. Functions that make device
/// objects are numbered as they are called, and the one that was chosen answers with an error instead of calling the
/// driver; its output is then a handle of nothing, as Vulkan leaves it undefined. Everything else goes to the driver.
/// Objects made and not destroyed are known by the function that made them. Any number of threads, one object at a
/// time.
class FailingCalls {
public:
    FailingCalls();
    /// Fails the running test for objects that are left.
    ~FailingCalls();
    FailingCalls(const FailingCalls&) = delete;
    FailingCalls& operator=(const FailingCalls&) = delete;

    static PFN_vkVoidFunction VKAPI_CALL getInstanceProcAddr(VkInstance instance, const char* name);

    /// Counting from now and from 0, call n answers `result`.
    void failAt(uint64_t n, VkResult result) { choose(n, n, result); }
    /// The first call of this function does.
    void failFirst(const char* function, VkResult result) { choose(0, 0, result, function); }
    /// From now on all of them do.
    void failAll(VkResult result) { choose(0, never, result); }
    void failNone() { choose(never, never, VK_SUCCESS); }

    /// The function that failed last since the choice; empty: none has.
    std::string failed() const;
    /// Calls of a function, failed or not.
    std::size_t calls(const std::string& function) const;
    /// How many objects live, by the function that made them; none are left out.
    std::map<std::string, std::size_t> live() const;

    // For the functions that the library gets.
    VkResult beforeCall(const char* function);
    void created(const char* function, uint64_t object);
    /// Whether the object is one of the function's; fails the running test if not, a null handle excepted.
    bool destroyed(const char* function, uint64_t object);
    static FailingCalls& current();

private:
    static constexpr uint64_t never = ~uint64_t{0};

    void choose(uint64_t first, uint64_t last, VkResult result, const char* counted = "");

    mutable std::mutex mutex_;
    uint64_t count_ = 0, first_ = never, last_ = never;
    VkResult result_ = VK_SUCCESS;
    std::string counted_; ///< the function whose calls are; empty: all
    std::string failed_;
    std::map<std::string, std::size_t> calls_;
    std::map<std::string, std::multiset<uint64_t>> live_; ///< handles, which need not be unique
};

} // namespace saccade::test
