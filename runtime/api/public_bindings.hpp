// SPDX-License-Identifier: Apache-2.0
// What dispatches bind, as the public header names it.
#pragma once

#include <algorithm>

#include "api/objects.hpp"

namespace saccade {

/// A dispatch that binds `kind` and uses it so.
constexpr VkAccessFlags accessFlags(BindingKind kind, Access access) {
    VkAccessFlags flags = 0;
    if (access != Access::write)
        flags |= kind == BindingKind::uniformBuffer ? VK_ACCESS_UNIFORM_READ_BIT : VK_ACCESS_SHADER_READ_BIT;
    if (access != Access::read)
        flags |= VK_ACCESS_SHADER_WRITE_BIT;
    return flags;
}

/// An external of the graph: a tensor of the plan, or one of its images.
struct ExternalPlace {
    uint32_t tensor = 0; ///< in SacPlan_T::tensors
    uint32_t image = 0;
};
using ExternalPlaces = FixedVector<ExternalPlace, SAC_MAX_BOUND>;

/// Of each external, by its number.
inline ExternalPlaces externalPlaces(const SacPlan_T& plan) {
    ExternalPlaces out;
    for (const uint32_t tensor : plan.boundTensors)
        for (uint32_t image = 0; image < std::max(plan.tensors[tensor].imageCount, 1u); ++image)
            out.push_back({tensor, image});
    return out;
}

} // namespace saccade
