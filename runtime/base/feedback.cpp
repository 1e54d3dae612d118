// SPDX-License-Identifier: Apache-2.0
#include "base/feedback.hpp"

#include <cstdarg>

#include "base/error.hpp"

namespace saccade {

void Progress::ask() const {
    if (callback_ && !callback_(userData_, done_, total_))
        throw Error(SAC_ERROR_CANCELLED, "cancelled by the progress callback after %u of %u dispatches", done_, total_);
}

void Warnings::add(const char* format, ...) {
    char text[Error::messageCapacity];
    std::va_list arguments;
    va_start(arguments, format);
    formatMessage(text, format, arguments);
    va_end(arguments);
    messages_.emplace_back(text);
}

} // namespace saccade
