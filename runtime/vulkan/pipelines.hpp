// Compute pipelines of a context, created once however many plans ask for the same one.
//
// A pipeline is its shader, specialization constants and the kinds of its bindings. Plans on several threads may ask at
// once: the first to ask for a pipeline compiles it outside of the lock, others that want the same one wait for it, and
// different ones compile in parallel. Without a VkDevice pipelines are counted and shared likewise, with null handles.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory_resource>
#include <mutex>
#include <span>
#include <vector>

#include "base/fixed_vector.hpp"
#include "shaders.hpp"
#include "vulkan/binding_kind.hpp"
#include "vulkan/device.hpp"

namespace saccade {

constexpr uint32_t maxBindings = 12;
constexpr uint32_t maxConstants = 40;
constexpr uint32_t pushConstantBytes = 128;

using BindingKinds = FixedVector<BindingKind, maxBindings>;

/// Layout of all pipelines with these bindings in set 0 and the full push constant range.
struct BindingLayout {
    BindingKinds kinds;
    VkDescriptorSetLayout set = VK_NULL_HANDLE;
    VkPipelineLayout pipeline = VK_NULL_HANDLE;
};

struct Pipeline {
    Shader shader{};
    FixedVector<uint32_t, maxConstants> constants;
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
    const Pipeline* acquire(Shader shader, std::span<const uint32_t> constants, const BindingKinds& bindings);
    void release(const Pipeline* pipeline);

private:
    BindingLayout layoutLocked(const BindingKinds& bindings);
    VkPipeline compile(const Pipeline& pipeline) const;
    void forget(Pipeline* pipeline);

    const Device& device_;
    std::mutex mutex_;
    std::condition_variable compiled_;
    std::pmr::vector<Pipeline*> pipelines_;
    std::pmr::vector<BindingLayout> layouts_;
};

} // namespace saccade
