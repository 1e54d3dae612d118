#include "base/progress.hpp"

#include "base/error.hpp"

namespace saccade {

void Progress::ask() const {
    if (callback_ && !callback_(userData_, done_, total_))
        throw Error(SAC_ERROR_CANCELLED, "cancelled by the progress callback after %u of %u dispatches", done_, total_);
}

} // namespace saccade
