// SPDX-License-Identifier: Apache-2.0
// What a call exchanges with its caller while it runs: whether it may go on, and warnings.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace saccade {

/// The making of one plan, as its caller sees it. Work that comes in many small steps calls tick at each, work whose
/// steps are counted calls next before each.
class Progress {
public:
    /// False stops.
    using Callback = bool (*)(void* userData, uint32_t done, uint32_t total);

    Progress() = default;
    /// `callback` may be null: nobody asks.
    Progress(Callback callback, void* userData) : callback_(callback), userData_(userData) {}

    /// How many steps will be counted; 1 until it is known.
    void setTotal(uint32_t total) { total_ = total; }

    /// So many steps have been taken.
    void setDone(uint32_t done) { done_ = done; }

    /// Throws SAC_ERROR_CANCELLED if the callback wants no more.
    void ask() const;
    /// Asks at the first call and every so often; cheap enough for an inner loop.
    void tick() {
        if (ticks_++ % ticksPerQuestion == 0)
            ask();
    }
    /// Asks, then counts a step that begins.
    void next() {
        ask();
        ++done_;
    }

private:
    static constexpr uint32_t ticksPerQuestion = 64;

    Callback callback_ = nullptr;
    void* userData_ = nullptr;
    uint32_t done_ = 0, total_ = 1, ticks_ = 0;
};

/// What works, but probably not as meant. The C boundary logs it once the call has succeeded.
class Warnings {
public:
    explicit Warnings(std::pmr::memory_resource* memory) : messages_(memory) {}

    /// Formats the message as Error does.
    SACCADE_PRINTF(2, 3) void add(const char* format, ...);

    /// In the order they were added.
    std::span<const std::pmr::string> messages() const { return messages_; }

private:
    std::pmr::vector<std::pmr::string> messages_;
};

} // namespace saccade
