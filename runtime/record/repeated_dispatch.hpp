// SPDX-License-Identifier: Apache-2.0
// One pipeline that a record dispatches several times, each time with buffers and push constants of its own: what the
// library does around a plan's dispatches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "record/descriptors.hpp"

namespace saccade {

class RepeatedDispatch {
public:
    RepeatedDispatch(const Device& device, PipelineLibrary& pipelines)
        : device_(device), library_(pipelines), descriptors_(device) {}
    ~RepeatedDispatch() {
        if (pipeline_)
            library_.release(pipeline_);
    }
    RepeatedDispatch(const RepeatedDispatch&) = delete;
    RepeatedDispatch& operator=(const RepeatedDispatch&) = delete;

    /// Acquires the pipeline, and descriptor sets for `maxRunsInFlight` records that execute at once. Call once, before
    /// begin.
    void compile(const PipelineKey& key, uint32_t dispatchCount, uint32_t maxRunsInFlight) {
        pipeline_ = library_.acquire(key);
        const std::pmr::vector<const Pipeline*> dispatches(dispatchCount, pipeline_, device_.memory);
        descriptors_.allocate(dispatches, maxRunsInFlight);
    }

    /// Binds the pipeline. Returns the slot that the dispatches of this record use.
    uint32_t begin(VkCommandBuffer commandBuffer) const {
        device_.vk.CmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_->handle);
        return descriptors_.takeSlot();
    }

    /// Dispatch number `index` of the record, of `groups` workgroups along x.
    template <class Push>
    void record(VkCommandBuffer commandBuffer, uint32_t slot, uint32_t index, std::span<const Resource> resources,
                const Push& push, uint32_t groups) const {
        static_assert(sizeof(Push) <= pushConstantBytes);
        descriptors_.bind(commandBuffer, slot, index, *pipeline_, resources);
        device_.vk.CmdPushConstants(commandBuffer, pipeline_->layout.pipeline, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                    sizeof(push), &push);
        device_.vk.CmdDispatch(commandBuffer, groups, 1, 1);
    }

private:
    const Device& device_;
    PipelineLibrary& library_;
    const Pipeline* pipeline_ = nullptr;
    mutable DescriptorRing descriptors_;
};

} // namespace saccade
