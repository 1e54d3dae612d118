// SPDX-License-Identifier: Apache-2.0
// Records a dispatch list into a command buffer.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "base/feedback.hpp"
#include "graph/dispatch_list.hpp"
#include "record/descriptors.hpp"
#include "record/pipelines.hpp"

namespace saccade {

/// A buffer and where in it one kind of memory, or an external tensor, begins.
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

/// The engine's memory for one record: each kind, and each external tensor in order of declaration.
struct Buffers {
    std::array<BufferBase, memoryKindCount> memory{}; ///< that of `external` is unused
    std::span<const External> externals;

    BufferBase& of(MemoryKind kind) { return memory[static_cast<size_t>(kind)]; }
    const BufferBase& of(MemoryKind kind) const { return memory[static_cast<size_t>(kind)]; }
};

/// Timestamps around the stages of one record: query `first`, before the first stage, and one after each.
struct Timestamps {
    VkQueryPool pool = VK_NULL_HANDLE; ///< null: none are written
    uint32_t first = 0;
};

/// Where the device reads the workgroup counts of a record: one VkDispatchIndirectCommand for each dispatch, in blocks
/// that begin where a storage buffer binding may.
struct IndirectCommands {
    static constexpr uint32_t perBlock = 10; ///< that the push constants of ConditionalDispatch hold

    VkBuffer buffer = VK_NULL_HANDLE; ///< null: counts are recorded into the command buffer
    VkDeviceSize offset = 0;
    VkDeviceSize pitch = 0; ///< bytes from block to block

    VkDeviceSize at(uint32_t dispatch) const {
        return offset + dispatch / perBlock * pitch + dispatch % perBlock * sizeof(VkDispatchIndirectCommand);
    }
};

/// A dispatch list with its pipelines and descriptors.
class Program {
public:
    /// `list` outlives the program.
    Program(const Device& device, PipelineLibrary& pipelines, const DispatchList& list);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// Acquires pipelines, and descriptor sets for `maxRunsInFlight` records that execute at once. Call once, before
    /// record.
    void compile(uint32_t maxRunsInFlight, Progress& progress);

    /// Records every dispatch, with barriers between them but none before the first or after the last. `batch` is at
    /// most the planned one; with 0 no dispatch has workgroups. With `indirect` the workgroup counts are read from
    /// there; DispatchList::groups says what belongs there.
    void record(VkCommandBuffer commandBuffer, const Buffers& buffers, uint32_t batch,
                const Timestamps& timestamps = {}, const IndirectCommands& indirect = {}) const;

private:
    static Resource resolve(const Binding& binding, const Buffers& buffers);
    void writeTimestamp(VkCommandBuffer commandBuffer, const Timestamps& timestamps, uint32_t query) const;

    const Device& device_;
    PipelineLibrary& library_;
    const DispatchList& list_;
    std::pmr::vector<const Pipeline*> pipelines_; ///< of each dispatch
    mutable DescriptorRing descriptors_;
};

} // namespace saccade
