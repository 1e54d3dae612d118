// SPDX-License-Identifier: Apache-2.0
// Modules whose specialization constants have become literals: for drivers and interfaces that take none, or that fold
// them too late to unroll a loop.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

namespace saccade::spirv {

/// The module with `values` for its specialization constants: they, and what they decide in the code (Propagation), are
/// plain constants, the workgroup's size is a literal LocalSize, and nothing is decorated with SpecId or WorkgroupSize.
/// The rest is as it was, branches that are never taken included. `values` and errors: as of Constants.
std::pmr::vector<uint32_t> freeze(std::span<const uint32_t> module, std::span<const uint32_t> values,
                                  std::pmr::memory_resource* memory);

} // namespace saccade::spirv
