// Arrays as the interface answers them: asked for their length first, then filled.
#pragma once

#include <cstdint>

#include "api/boundary.hpp"

namespace saccade {

/// Calls `fill(i)` for what goes to answers[i], after `*count`, the capacity, was checked against `total`; only sets
/// `*count` where `answers` is null. `what` names the items.
template <class Answer, class Fill>
void answerArray(uint32_t* count, Answer* answers, size_t total, const char* what, const Fill& fill) {
    require(count, "count");
    if (answers && *count < total)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "*count is %u, there are %zu %s", *count, total, what);
    *count = static_cast<uint32_t>(total);
    if (!answers)
        return;
    for (size_t i = 0; i < total; ++i)
        answers[i] = fill(i);
}

} // namespace saccade
