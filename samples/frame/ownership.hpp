// Whole buffers change hands between queue families: released by the one, acquired by the other with the same
// arguments, with a semaphore between the two submissions.
#pragma once

#include <initializer_list>

#include "engine.hpp"

namespace frame {

/// After what `stage` wrote as `written`.
void releaseBuffers(VkCommandBuffer commandBuffer, std::initializer_list<Buffer> buffers, const Queue& from,
                    const Queue& to, VkPipelineStageFlags stage, VkAccessFlags written);
/// Before `stage`, which the semaphore's wait holds back as well, accesses them as `read`.
void acquireBuffers(VkCommandBuffer commandBuffer, std::initializer_list<Buffer> buffers, const Queue& from,
                    const Queue& to, VkPipelineStageFlags stage, VkAccessFlags read);

} // namespace frame
