// SPDX-License-Identifier: Apache-2.0
// Which bindings a shader touches once its specialization constants are given: of a layout that serves all of them,
// some lie behind branches that are never taken.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>

namespace saccade::spirv {

/// Bindings of descriptor set 0, binding i as bit i. An image counts as read where it is loaded, also to be written.
struct BindingsInUse {
    uint64_t read = 0, written = 0;
};

/// What the code touches that is reachable in control flow, as far as branches depend on constants alone: sparse
/// conditional constant propagation (Wegman and Zadeck, ACM TOPLAS 13(2), 1991) over scalars. What it cannot tell
/// counts as touched. `values` and errors: as of Constants; SAC_ERROR_INTERNAL also for a binding number beyond 63.
BindingsInUse bindingsInUse(std::span<const uint32_t> module, std::span<const uint32_t> values,
                            std::pmr::memory_resource* memory);

} // namespace saccade::spirv
