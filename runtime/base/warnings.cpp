#include "base/warnings.hpp"

#include <cstdarg>

namespace saccade {

void Warnings::add(const char* format, ...) {
    char text[Error::messageCapacity];
    std::va_list arguments;
    va_start(arguments, format);
    formatMessage(text, format, arguments);
    va_end(arguments);
    messages_.emplace_back(text);
}

} // namespace saccade
