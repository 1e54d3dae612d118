// Where exceptions end: every C function's body runs inside guarded().
#pragma once

#include <atomic>
#include <new>
#include <string_view>
#include <type_traits>

#include <saccade/saccade.h>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "base/warnings.hpp"

namespace saccade {

/// The engine's log. write does nothing without a callback, and drops what the callback throws.
struct Log {
    SacLogCallback callback = nullptr;
    void* userData = nullptr;

    void write(SacLogSeverity severity, const char* message) const noexcept {
        if (!callback)
            return;
        try {
            callback(userData, severity, message);
        } catch (...) { // no exception crosses the interface, and the call's result stands
        }
    }
    /// Each message as "what: message".
    void write(const char* what, const Warnings& warnings) const;
};

/// Fills `error` (may be null) and logs the message, unless `result` is SAC_SUCCESS.
SacResult report(SacResult result, const char* message, SacError* error, const Log* log);

/// Runs `body` and turns whatever it throws into a result and a message.
template <class Body>
SacResult guarded(SacError* error, const Log* log, Body&& body) noexcept {
    try {
        body();
        return report(SAC_SUCCESS, "", error, log);
    } catch (const Error& e) {
        return report(e.code(), e.what(), error, log);
    } catch (const std::bad_alloc&) {
        return report(SAC_ERROR_OUT_OF_HOST_MEMORY, "the host allocator returned no memory", error, log);
    } catch (const std::exception& e) {
        return report(SAC_ERROR_INTERNAL, e.what(), error, log);
    } catch (...) {
        return report(SAC_ERROR_INTERNAL, "unknown exception", error, log);
    }
}

/// Counts a child of an object from before it is made, so that no callback on the way can destroy the parent.
class ChildCount {
public:
    explicit ChildCount(std::atomic<uint32_t>& count) : count_(&count) { count.fetch_add(1); }
    ~ChildCount() {
        if (count_)
            count_->fetch_sub(1);
    }
    ChildCount(const ChildCount&) = delete;
    ChildCount& operator=(const ChildCount&) = delete;

    /// The child exists: whoever destroys it counts down. Without this call the count ends here.
    void keep() { count_ = nullptr; }

private:
    std::atomic<uint32_t>* count_;
};

/// Throws SAC_ERROR_INVALID_ARGUMENT unless the pointer or handle is there.
template <class Pointer>
void require(Pointer value, const char* name) {
    if (!value)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is null, it is required", name);
}

/// Throws SAC_ERROR_INVALID_ARGUMENT unless the text, which may be null, is UTF-8. `name` names it in the message.
inline void requireUtf8(const char* text, const char* name) {
    if (!text)
        return;
    const std::string_view view(text);
    if (const size_t bad = findInvalidUtf8(view); bad != view.size())
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s \"%.*s\" is not UTF-8 from byte %zu on", name, clip(view), text,
                    bad);
}

/// Checks what all structures share: not null, the right sType, an empty pNext chain.
template <class Info>
void requireStructure(const Info* info, const char* name, SacStructureType type, const char* typeName) {
    require(info, name);
    if (info->sType != type)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s->sType is %d, it must be %s", name, static_cast<int>(info->sType),
                    typeName);
    if (info->pNext)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s->pNext is not NULL, no structure extends this one", name);
}
#define SAC_REQUIRE_STRUCTURE(info, type) requireStructure(info, #info, type, #type)

/// Throws unless `flags` has bits of `known` only.
inline void requireFlags(VkFlags flags, VkFlags known, const char* name) {
    if (flags & ~known)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is 0x%x, of which 0x%x is no known flag", name, flags,
                    flags & ~known);
}

} // namespace saccade
