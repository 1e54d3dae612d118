// SPDX-License-Identifier: Apache-2.0
// Host memory that ends the program where the library leaks, or asks for more than its input can be worth.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory_resource>

namespace saccade::fuzz {

/// Says what went wrong, as printf does, and aborts, which is how libFuzzer learns of it.
[[noreturn, gnu::format(printf, 1, 2)]] inline void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    std::vfprintf(stderr, format, values);
    va_end(values);
    std::fputc('\n', stderr);
    std::abort();
}

class BoundedMemory final : public std::pmr::memory_resource {
public:
    /// `limit`: the most bytes that may be allocated at once.
    explicit BoundedMemory(std::size_t limit) : limit_(limit) {}
    ~BoundedMemory() {
        if (allocated_)
            fail("%zu bytes are still allocated", allocated_);
    }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (bytes > limit_ - allocated_)
            fail("%zu bytes wanted with %zu allocated, the limit is %zu", bytes, allocated_, limit_);
        allocated_ += bytes;
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        allocated_ -= bytes;
        std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::size_t limit_, allocated_ = 0;
};

} // namespace saccade::fuzz
