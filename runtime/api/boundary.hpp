// SPDX-License-Identifier: Apache-2.0
// The C boundary: every function's body runs inside guarded(), where exceptions end, and checks its structures here.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <new>
#include <string_view>
#include <type_traits>

#include <saccade/saccade.h>
#include <saccade/saccade_layouts.h>

#include "base/error.hpp"
#include "base/feedback.hpp"
#include "base/text.hpp"

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

/// Every structure with sType and pNext, and its SAC_STRUCTURE_TYPE_.
#define SAC_FOR_EACH_STRUCTURE(X)                                                                                      \
    X(SacDeviceQuery, DEVICE_QUERY)                                                                                    \
    X(SacDeviceSupport, DEVICE_SUPPORT)                                                                                \
    X(SacDeviceProfile, DEVICE_PROFILE)                                                                                \
    X(SacExtendedDeviceCreateInfo, EXTENDED_DEVICE_CREATE_INFO)                                                        \
    X(SacContextInfo, CONTEXT_INFO)                                                                                    \
    X(SacModelInfo, MODEL_INFO)                                                                                        \
    X(SacModuleDescription, MODULE_DESCRIPTION)                                                                        \
    X(SacKeyDescription, KEY_DESCRIPTION)                                                                              \
    X(SacTensorDescription, TENSOR_DESCRIPTION)                                                                        \
    X(SacPlanInfo, PLAN_INFO)                                                                                          \
    X(SacPositionBiasInfo, POSITION_BIAS_INFO)                                                                         \
    X(SacCompileJobs, COMPILE_JOBS)                                                                                    \
    X(SacTensorDesc, TENSOR_DESC)                                                                                      \
    X(SacImageDesc, IMAGE_DESC)                                                                                        \
    X(SacTensorInfo, TENSOR_INFO)                                                                                      \
    X(SacMemoryRequirements, MEMORY_REQUIREMENTS)                                                                      \
    X(SacPlanProperties, PLAN_PROPERTIES)                                                                              \
    X(SacPositionBiasProperties, POSITION_BIAS_PROPERTIES)                                                             \
    X(SacStageInfo, STAGE_INFO)                                                                                        \
    X(SacMemoryPart, MEMORY_PART)                                                                                      \
    X(SacResourceAccess, RESOURCE_ACCESS)                                                                              \
    X(SacDispatch, DISPATCH)                                                                                           \
    X(SacShader, SHADER)                                                                                               \
    X(SacUploadInfo, UPLOAD_INFO)                                                                                      \
    X(SacRunInfo, RUN_INFO)                                                                                            \
    X(SacTensorBinding, TENSOR_BINDING)                                                                                \
    X(SacImageBinding, IMAGE_BINDING)                                                                                  \
    X(SacVariableLayoutInfo, VARIABLE_LAYOUT_INFO)

template <class Structure>
struct StructureType;
#define SAC_STRUCTURE(Structure, NAME)                                                                                 \
    static_assert(offsetof(Structure, sType) == 0 && offsetof(Structure, pNext) == sizeof(void*));                     \
    template <>                                                                                                        \
    struct StructureType<Structure> : std::integral_constant<SacStructureType, SAC_STRUCTURE_TYPE_##NAME> {};
SAC_FOR_EACH_STRUCTURE(SAC_STRUCTURE)
#undef SAC_STRUCTURE

/// Throws SAC_ERROR_INVALID_ARGUMENT unless the structure's sType is `type` and each structure of its pNext chain
/// extends it and is there once. `name` names it in the message.
void checkStructure(const void* structure, SacStructureType type, const char* name);
/// The structure of that type in a chain that was checked; null: there is none.
const void* findInChain(const void* pNext, SacStructureType type);

/// Checks what all structures share: not null, the right sType, and a chain of what extends it.
template <class Structure>
void requireStructure(const Structure* structure, const char* name) {
    require(structure, name);
    checkStructure(structure, StructureType<Structure>::value, name);
}

/// The same of element `index` of an array, without a cost where there is no chain.
template <class Structure>
void requireElement(const Structure& element, const char* array, size_t index) {
    if (element.sType == StructureType<Structure>::value && !element.pNext)
        return;
    char name[2 * SAC_MAX_MESSAGE_LENGTH];
    std::snprintf(name, sizeof(name), "%s[%zu]", array, index);
    checkStructure(&element, StructureType<Structure>::value, name);
}

/// What a checked chain says in a structure of type `Extension`; null: nothing.
template <class Extension>
const Extension* chained(const void* pNext) {
    return static_cast<const Extension*>(findInChain(pNext, StructureType<Extension>::value));
}
template <class Extension>
Extension* chained(void* pNext) {
    return const_cast<Extension*>(chained<Extension>(static_cast<const void*>(pNext)));
}

/// Answers in a structure of the caller's, whose sType and pNext stay.
template <class Answer>
void fillAnswer(Answer& out, Answer answer) {
    answer.sType = out.sType;
    answer.pNext = out.pNext;
    out = answer;
}

/// Answers in an array, which the caller asks for its length first: only sets `*count` where `answers` is null. Else
/// `*count`, the capacity, and the structures are checked before fill(i) answers in answers[i]. `array` and `items`
/// name them in messages.
template <class Answer, class Fill>
void fillAnswers(uint32_t* count, Answer* answers, size_t total, const char* array, const char* items,
                 const Fill& fill) {
    require(count, "count");
    if (answers && *count < total)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "*count is %u, there are %zu %s", *count, total, items);
    for (size_t i = 0; answers && i < total; ++i)
        requireElement(answers[i], array, i);
    *count = static_cast<uint32_t>(total);
    for (size_t i = 0; answers && i < total; ++i)
        fillAnswer(answers[i], fill(i));
}

/// Throws unless `flags` has bits of `known` only.
inline void requireFlags(VkFlags flags, VkFlags known, const char* name) {
    if (flags & ~known)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is 0x%x, of which 0x%x is no known flag", name, flags,
                    flags & ~known);
}

inline void requireCommand(SacCommand command) {
    if (command != SAC_COMMAND_UPLOAD && command != SAC_COMMAND_RUN)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "command is %d, no SacCommand", static_cast<int>(command));
}

/// Throws unless `size` bytes from `offset` on are among the `bytes` of what `whole` names.
inline void requirePart(VkDeviceSize offset, VkDeviceSize size, VkDeviceSize bytes, const char* whole) {
    if (offset > bytes)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "offset is %llu, the %s have %llu bytes", wide(offset), whole,
                    wide(bytes));
    if (size > bytes - offset)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "size is %llu, from offset %llu the %s have %llu bytes", wide(size),
                    wide(offset), whole, wide(bytes - offset));
}

} // namespace saccade
