// SPDX-License-Identifier: Apache-2.0
// How a dispatch gets its buffers and images: pushed into the command buffer where the device can, else from sets
// allocated ahead.
//
// A DescriptorRing holds `slots` copies of the descriptor sets of a fixed list of dispatches. Taking a slot is one
// atomic increment, so recording never locks or allocates. Record n rewrites slot n % slots;
// SacPlanInfo::maxRunsInFlight says when that is allowed.
#pragma once

#include <atomic>
#include <memory_resource>
#include <span>
#include <vector>

#include "record/pipelines.hpp"

namespace saccade {

/// What one binding refers to; the kind of the binding says which member counts.
struct Resource {
    VkDescriptorBufferInfo buffer{};
    VkDescriptorImageInfo image{};
};

class DescriptorRing {
public:
    explicit DescriptorRing(const Device& device) : device_(device), sets_(device.memory) {}
    ~DescriptorRing();
    DescriptorRing(const DescriptorRing&) = delete;
    DescriptorRing& operator=(const DescriptorRing&) = delete;

    /// Allocates `slots` sets for each of `dispatches`; nothing where descriptors are pushed. Call once.
    void allocate(std::span<const Pipeline* const> dispatches, uint32_t slots);

    /// A slot for one record; pass it to bind.
    uint32_t takeSlot() {
        return slots_ ? static_cast<uint32_t>(next_.fetch_add(1, std::memory_order_relaxed) % slots_) : 0;
    }

    /// Gives dispatch number `dispatch` of the list what its bindings refer to, for the next vkCmdDispatch of
    /// `commandBuffer`.
    void bind(VkCommandBuffer commandBuffer, uint32_t slot, uint32_t dispatch, const Pipeline& pipeline,
              std::span<const Resource> resources) const;

private:
    const Device& device_;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    std::pmr::vector<VkDescriptorSet> sets_; ///< [slot][dispatch]
    uint32_t dispatchCount_ = 0;
    uint32_t slots_ = 0;
    std::atomic<uint64_t> next_{0};
};

} // namespace saccade
