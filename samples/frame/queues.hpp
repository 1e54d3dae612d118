// SPDX-License-Identifier: Apache-2.0
// Which queues of a device the engine takes.
#pragma once

#include <vulkan/vulkan.h>

#include <functional>
#include <optional>
#include <string>

namespace frame {

struct QueueChoice {
    uint32_t family = 0;                                    ///< graphics, compute and timestamps
    uint32_t secondFamily = 0, secondIndex = 0;             ///< equal to (family, 0) where there is no other
    std::string second = "the same, as it is the only one"; ///< the second queue, in words
};

/// The first family that draws, computes, writes timestamps and is `fit`; beside it the queue most likely to run at
/// the same time: one of a family for compute alone, else another of the same family. Nothing if no family is fit.
std::optional<QueueChoice> chooseQueues(VkPhysicalDevice physicalDevice, const std::function<bool(uint32_t)>& fit);

} // namespace frame
