// SPDX-License-Identifier: Apache-2.0
// Memory resources that watch what the code under test does with them.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory_resource>
#include <new>
#include <utility>

#include "base/memory.hpp"

namespace saccade::test {

/// Counts, fails at a chosen allocation, and checks that size and alignment come back as they were asked for.
class TestMemory final : public std::pmr::memory_resource {
public:
    static constexpr std::size_t never = static_cast<std::size_t>(-1);

    explicit TestMemory(std::size_t failAt = never) : failAt_(failAt) {}
    TestMemory(const TestMemory&) = delete;
    TestMemory& operator=(const TestMemory&) = delete;
    ~TestMemory() override { EXPECT_TRUE(live_.empty()) << live_.size() << " allocations were never freed"; }

    std::size_t allocations() const { return allocations_; }
    std::size_t liveCount() const { return live_.size(); }

private:
    struct Block {
        std::size_t bytes;
        std::size_t alignment;
    };

    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (allocations_ == failAt_)
            throw std::bad_alloc();
        ++allocations_;
        void* memory = heap_.allocate(bytes, alignment);
        live_[memory] = {bytes, alignment};
        return memory;
    }

    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        const auto block = live_.find(memory);
        if (block == live_.end()) {
            ADD_FAILURE() << "freed what was not allocated";
            return;
        }
        EXPECT_EQ(block->second.bytes, bytes);
        EXPECT_EQ(block->second.alignment, alignment);
        live_.erase(block);
        heap_.deallocate(memory, bytes, alignment);
    }

    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

    // Its nodes would count as the code's own if they came from operator new.
    template <class T>
    struct Malloc {
        using value_type = T;
        Malloc() = default;
        template <class U>
        Malloc(const Malloc<U>&) {}
        T* allocate(std::size_t count) { return static_cast<T*>(std::malloc(count * sizeof(T))); }
        void deallocate(T* memory, std::size_t) { std::free(memory); }
        bool operator==(const Malloc&) const { return true; }
    };

    HostMemory heap_{nullptr};
    std::map<void*, Block, std::less<>, Malloc<std::pair<void* const, Block>>> live_;
    std::size_t allocations_ = 0;
    std::size_t failAt_;
};

/// Runs `action(memory)` with the first allocation failing, then the second, and so on until it succeeds. Each failure
/// has to arrive as std::bad_alloc, with nothing left allocated. Returns how many allocations the action makes.
template <class Action>
std::size_t failEveryAllocation(Action action) {
    for (std::size_t n = 0;; ++n) {
        TestMemory memory(n);
        try {
            action(&memory);
            EXPECT_EQ(memory.allocations(), n);
            return n;
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(memory.liveCount(), 0u) << "after failure of allocation " << n;
        }
    }
}

} // namespace saccade::test
