// SPDX-License-Identifier: Apache-2.0
// Buffers and images change hands between queue families: released by the one, acquired by the other with the same
// arguments, with a semaphore between the two submissions. Nothing is recorded where both queues are of one family.
#pragma once

#include <vector>

#include "engine.hpp"

namespace frame {

struct Handover {
    const Queue &from, &to;
    std::vector<Image> images; ///< in their layouts, before and after
    std::vector<Buffer> buffers;
};

/// After what `stage` wrote as `written`; 0: it is visible to `stage` already.
void release(VkCommandBuffer commandBuffer, const Handover& handover, VkPipelineStageFlags stage,
             VkAccessFlags written);
/// Before `stage`, which the semaphore's wait holds back as well, accesses them as `read`.
void acquire(VkCommandBuffer commandBuffer, const Handover& handover, VkPipelineStageFlags stage, VkAccessFlags read);

} // namespace frame
