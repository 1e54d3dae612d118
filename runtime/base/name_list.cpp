#include "base/name_list.hpp"

#include <cstdio>

#include "base/error.hpp"

namespace saccade {

void NameList::add(std::string_view name) {
    if (full_)
        return;
    constexpr std::size_t ellipsis = sizeof(", ...");
    const std::size_t room = sizeof(text_) - length_ - ellipsis;
    const int written =
        std::snprintf(text_ + length_, room, "%s\"%.*s\"", length_ ? ", " : "", clip(name, 64), name.data());
    if (written >= 0 && static_cast<std::size_t>(written) < room) {
        length_ += static_cast<std::size_t>(written);
        return;
    }
    std::snprintf(text_ + length_, ellipsis, ", ...");
    full_ = true;
}

} // namespace saccade
