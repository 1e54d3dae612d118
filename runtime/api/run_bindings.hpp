// SPDX-License-Identifier: Apache-2.0
// The inputs and outputs of one run: a SacRunInfo's bindings, checked, in the order of the graph's externals.
#pragma once

#include "api/claims.hpp"
#include "api/objects.hpp"

namespace saccade {

/// A value that a run brings for an input, on its way to the workspace.
struct BoundValue {
    VkDeviceSize offset; ///< in the workspace's buffer
    int32_t value;
};

struct RunBindings {
    FixedVector<External, SAC_MAX_BOUND> externals;
    FixedVector<BoundValue, SAC_MAX_BOUND> values;
};

/// Throws SAC_ERROR_UNSUPPORTED for tensors that are more buffers and images than a run can bind, SAC_MAX_BOUND: plans
/// of such are not made.
void requireBindable(std::span<const PlanTensor> tensors);

/// Throws SAC_ERROR_INVALID_ARGUMENT for a binding of an unknown tensor, one that is missing, given
/// twice or of the wrong kind.
RunBindings bindTensors(const SacPlan_T& plan, const SacRunInfo& info, Claims& claims);

} // namespace saccade
