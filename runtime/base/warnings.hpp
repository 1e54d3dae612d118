// What a call noticed that works, but probably not as meant; the C boundary logs it once the call has succeeded.
#pragma once

#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace saccade {

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
