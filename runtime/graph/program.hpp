// A planned graph's dispatches with their pipelines: what recording walks through.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "graph/graph.hpp"
#include "graph/indirect_commands.hpp"
#include "vulkan/descriptors.hpp"
#include "vulkan/pipelines.hpp"

namespace saccade {

/// A buffer and where in it a memory class, or an external tensor, begins.
struct BufferBase {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
};

/// What the engine bound for an external tensor: a buffer, or an image and the layout it is in.
struct External {
    BufferBase buffer;
    VkImageView view = VK_NULL_HANDLE;
    VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED;
};

/// The engine's memory for one record: each memory class, and each external tensor in order of declaration.
struct Buffers {
    std::array<BufferBase, memoryClassCount> classes; ///< that of `external` is unused
    std::span<const External> externals;
};

/// Timestamps around the stages of one record: query `first`, before the first stage, and one after each.
struct Timestamps {
    VkQueryPool pool = VK_NULL_HANDLE; ///< null: none are written
    uint32_t first = 0;
};

/// One operator of the graph: what timings and labels name.
struct Stage {
    std::pmr::string label;
    uint32_t dispatchCount = 0;
    uint64_t flops = 0;
    uint64_t bytes = 0; ///< that its dispatches read and write, each tensor once a dispatch and direction
};

class Program {
public:
    Program(const Device& device, PipelineLibrary& pipelines);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// Takes the nodes of `phase`, whose memory and barriers are planned, and acquires their pipelines. `batch` is the
    /// planned one, which record may undercut. Throws SAC_ERROR_UNSUPPORTED naming a node beyond the device's limits.
    void compile(const Graph& graph, Phase phase, uint32_t batch, uint32_t maxRecords, Progress& progress);

    /// Records every dispatch, with barriers between them but none before the first or after the last. With `indirect`
    /// the workgroup counts come from there, and those of groups() are what belongs there.
    void record(VkCommandBuffer commandBuffer, const Buffers& buffers, uint32_t batch,
                const Timestamps& timestamps = {}, const IndirectCommands& indirect = {}) const;

    /// Workgroups of a dispatch for the first `batch` entries.
    std::array<uint32_t, 3> groups(uint32_t dispatch, uint32_t batch) const;

    uint32_t dispatchCount() const { return static_cast<uint32_t>(steps_.size()); }
    uint32_t barrierCount() const;
    uint64_t bytes() const { return bytes_; } ///< of all stages together
    std::span<const Stage> stages() const { return stages_; }
    std::span<const Pipeline* const> pipelines() const { return held_; }

private:
    struct Binding {
        MemoryClass memory;
        uint32_t external;
        uint64_t offset, bytes;
    };
    static Resource resolve(const Binding& binding, const Buffers& buffers);

    struct Step {
        const Pipeline* pipeline;
        PushConstants push;
        FixedVector<Binding, maxBindings> bindings;
        std::array<uint32_t, 3> groups;
        bool batched, barrier;
        uint32_t stage;
    };

    void writeTimestamp(VkCommandBuffer commandBuffer, const Timestamps& timestamps, uint32_t query) const;

    const Device& device_;
    PipelineLibrary& library_;
    std::pmr::vector<Step> steps_;
    std::pmr::vector<Stage> stages_;
    std::pmr::vector<const Pipeline*> held_; ///< of each step
    mutable DescriptorRing descriptors_;
    uint32_t batch_ = 1;
    uint64_t bytes_ = 0;
};

} // namespace saccade
