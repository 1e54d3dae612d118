// SPDX-License-Identifier: Apache-2.0
// Signs of life on stderr for what takes longer than a second.
#pragma once

#include <chrono>
#include <string>

namespace saccade::cli {

class Progress {
public:
    /// `what`: what is being worked on, the beginning of every line.
    explicit Progress(std::string what) : what_(std::move(what)) {}
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Says what is going on, once a second has passed: on a terminal in one line that is rewritten, elsewhere in a new
    /// line every ten seconds.
    void update(const std::string& step);

    /// Removes the line from the terminal, so that other output can follow.
    void clear();

private:
    using Clock = std::chrono::steady_clock;

    std::string what_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point next_ = start_ + std::chrono::seconds(1);
    bool shown_ = false;
};

} // namespace saccade::cli
