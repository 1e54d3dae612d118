// SPDX-License-Identifier: Apache-2.0
// Host memory as an engine gives it, watched.
#pragma once

#include <gtest/gtest.h>
#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace saccade::test {

/// Allocation callbacks that count, and fail when they are told to. At the end all has been freed.
class Callbacks {
public:
    static constexpr std::size_t never = static_cast<std::size_t>(-1);

    Callbacks() {
        callbacks_.pUserData = this;
        callbacks_.pfnAllocation = [](void* self, std::size_t bytes, std::size_t alignment, VkSystemAllocationScope) {
            return static_cast<Callbacks*>(self)->allocate(bytes, alignment);
        };
        callbacks_.pfnReallocation = [](void* self, void* old, std::size_t bytes, std::size_t alignment,
                                        VkSystemAllocationScope) {
            return static_cast<Callbacks*>(self)->reallocate(old, bytes, alignment);
        };
        callbacks_.pfnFree = [](void* self, void* memory) { static_cast<Callbacks*>(self)->release(memory); };
    }
    Callbacks(const Callbacks&) = delete;
    Callbacks& operator=(const Callbacks&) = delete;
    ~Callbacks() { EXPECT_EQ(live(), 0u) << "allocations were never freed"; }

    const VkAllocationCallbacks* get() const { return &callbacks_; }
    std::size_t live() const { return live_; }
    std::size_t allocations() const { return allocations_; }
    /// Most bytes that were allocated at once, as they were asked for.
    std::size_t peakBytes() const { return peakBytes_; }
    /// From now on the peak is of what comes, and at least what lives.
    void resetPeak() { peakBytes_ = liveBytes_.load(); }
    bool failed() const { return failed_; }
    /// The n-th allocation from now, and none after it, gets no memory.
    void failAt(std::size_t n) {
        allocations_ = 0;
        failAt_ = n;
        failed_ = false;
    }

private:
    // Size and place of the block stand before it, for reallocation.
    struct Header {
        void* block;
        std::size_t bytes;
    };

    void* allocate(std::size_t bytes, std::size_t alignment) {
        if (allocations_++ == failAt_) {
            failed_ = true;
            return nullptr;
        }
        alignment = std::max(alignment, alignof(Header));
        void* block = std::malloc(bytes + alignment + sizeof(Header));
        std::uintptr_t place = reinterpret_cast<std::uintptr_t>(block) + sizeof(Header);
        place = (place + alignment - 1) / alignment * alignment;
        reinterpret_cast<Header*>(place)[-1] = {block, bytes};
        ++live_;
        const std::size_t now = liveBytes_ += bytes;
        for (std::size_t peak = peakBytes_; now > peak && !peakBytes_.compare_exchange_weak(peak, now);) {
        }
        return reinterpret_cast<void*>(place);
    }
    void* reallocate(void* old, std::size_t bytes, std::size_t alignment) {
        if (bytes == 0) {
            release(old);
            return nullptr;
        }
        void* memory = allocate(bytes, alignment);
        if (memory && old) {
            std::memcpy(memory, old, std::min(bytes, static_cast<Header*>(old)[-1].bytes));
            release(old);
        }
        return memory;
    }
    void release(void* memory) {
        if (!memory)
            return;
        --live_;
        liveBytes_ -= static_cast<Header*>(memory)[-1].bytes;
        std::free(static_cast<Header*>(memory)[-1].block);
    }

    VkAllocationCallbacks callbacks_{};
    std::atomic<std::size_t> live_{0}, allocations_{0}, liveBytes_{0}, peakBytes_{0};
    std::size_t failAt_ = never;
    std::atomic<bool> failed_{false};
};

} // namespace saccade::test
