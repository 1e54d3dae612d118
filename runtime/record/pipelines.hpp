// SPDX-License-Identifier: Apache-2.0
// Compute pipelines of a context, created once however many plans ask for the same one.
//
// Plans on several threads may ask at once: the first to ask for a pipeline compiles it outside of the lock, others
// that want the same one wait for it, and different ones compile in parallel.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory_resource>
#include <mutex>
#include <span>
#include <vector>

#include "base/fixed_vector.hpp"
#include "graph/dispatch_list.hpp"
#include "vulkan/device.hpp"

namespace saccade {

constexpr VkDescriptorType descriptorType(BindingKind kind) {
    switch (kind) {
    case BindingKind::uniformBuffer:
        return VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
    case BindingKind::sampledImage:
        return VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
    case BindingKind::storageImage:
        return VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
    default:
        return VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    }
}

constexpr const char* shaderEntryPoint = "main";
constexpr uint32_t pushConstantBytes = 128; ///< the least that a Vulkan device offers

/// Layout of all pipelines with these bindings in set 0 and the full push constant range.
struct BindingLayout {
    BindingKinds kinds;
    VkDescriptorSetLayout set = VK_NULL_HANDLE;
    VkPipelineLayout pipeline = VK_NULL_HANDLE;
};

struct Pipeline {
    PipelineKey key;
    VkPipeline handle = VK_NULL_HANDLE;
    BindingLayout layout;
    uint32_t users = 0; ///< guarded by the library's mutex, like `ready`
    bool ready = false;
};

class PipelineLibrary {
public:
    explicit PipelineLibrary(const Device& device);
    ~PipelineLibrary();
    PipelineLibrary(const PipelineLibrary&) = delete;
    PipelineLibrary& operator=(const PipelineLibrary&) = delete;

    /// The pipeline, compiled now if nobody holds it. Release it as often as it was acquired. Throws what
    /// vkCreateComputePipelines answers; then nothing is held.
    const Pipeline* acquire(const PipelineKey& key);
    /// The same, but null for a pipeline that is not there yet.
    const Pipeline* acquireReady(const PipelineKey& key);
    void release(const Pipeline* pipeline);

private:
    BindingLayout layoutLocked(const BindingKinds& kinds);
    VkPipeline compile(const Pipeline& pipeline) const;
    void forget(Pipeline* pipeline);

    const Device& device_;
    std::mutex mutex_;
    std::condition_variable compiled_;
    std::pmr::vector<Pipeline*> pipelines_;
    std::pmr::vector<BindingLayout> layouts_;
};

} // namespace saccade
