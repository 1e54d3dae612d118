// Names as a message lists them.
#pragma once

#include <cstddef>
#include <string_view>

namespace saccade {

/// "a", "b", "c", as far as they fit, then ...; "none" without any. Allocates nothing.
class NameList {
public:
    void add(std::string_view name);
    const char* text() const { return length_ ? text_ : "none"; }

private:
    std::size_t length_ = 0;
    bool full_ = false;
    char text_[320] = "";
};

/// The names of a table whose entries have a member `name`.
template <class Entries>
NameList namesOf(const Entries& entries) {
    NameList list;
    for (const auto& entry : entries)
        list.add(entry.name);
    return list;
}

} // namespace saccade
