// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <cstdio>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace saccade::cli {

namespace {

bool isTerminal() {
#if defined(_WIN32)
    return _isatty(_fileno(stderr)) != 0;
#else
    return isatty(STDERR_FILENO) != 0;
#endif
}

} // namespace

void Progress::update(const std::string& step) {
    const Clock::time_point now = Clock::now();
    if (now < next_)
        return;
    const bool terminal = isTerminal();
    next_ = now + (terminal ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10000));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - start_).count();
    std::fprintf(stderr, "%s%s: %s (%lld s)%s", terminal ? "\r\033[K" : "", what_.c_str(), step.c_str(),
                 static_cast<long long>(seconds), terminal ? "" : "\n");
    std::fflush(stderr);
    shown_ = terminal;
}

void Progress::clear() {
    if (shown_)
        std::fputs("\r\033[K", stderr);
    shown_ = false;
}

} // namespace saccade::cli
