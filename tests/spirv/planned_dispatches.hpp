// SPDX-License-Identifier: Apache-2.0
// What real plans dispatch.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/dispatch_list.hpp"

namespace saccade::test {

/// A dispatch as one of the plans has it.
struct PlannedDispatch {
    Shader shader;
    std::vector<uint32_t> constants;
    std::vector<BindingKind> kinds;
    std::vector<Access> accesses; ///< of each binding

    friend auto operator<=>(const PlannedDispatch&, const PlannedDispatch&) = default;
};

/// The different ones among the plans of all golden files and networks, in both precisions, for a GPU and for a CPU
/// driver, neither of which has to be there. Made once.
const std::vector<PlannedDispatch>& plannedDispatches();

} // namespace saccade::test
