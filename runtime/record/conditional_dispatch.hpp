// SPDX-License-Identifier: Apache-2.0
// Lets a number in device memory decide whether a recorded program runs. The program's dispatches become indirect ones.
// A small dispatch before them reads the number when the commands execute, and writes their workgroup counts, or zeros.
#pragma once

#include <cstdint>

#include "record/program.hpp"
#include "record/repeated_dispatch.hpp"

namespace saccade {

class ConditionalDispatch {
public:
    /// `list`, the dispatches of the program, outlives this.
    ConditionalDispatch(const Device& device, PipelineLibrary& pipelines, const DispatchList& list)
        : device_(device), list_(list), write_(device, pipelines) {}

    /// Of the dispatch that writes the indirect commands.
    static const PipelineKey& pipelineKey();

    /// Size of the indirect commands of `list` on a device with these limits.
    static uint64_t commandBytes(const DispatchList& list, const DeviceProfile& limits);

    /// Acquires the pipeline, and descriptor sets for `maxRunsInFlight` records that execute at once. Call once, before
    /// record.
    void compile(uint32_t maxRunsInFlight, Progress& progress);

    /// Records the dispatches that write the indirect commands to `commands`, and the barrier before those are read.
    /// Returns what Program::record needs to find them.
    IndirectCommands record(VkCommandBuffer commandBuffer, uint32_t batch, const BufferBase& enable,
                            const BufferBase& commands) const;

private:
    const Device& device_;
    const DispatchList& list_;
    RepeatedDispatch write_;
};

} // namespace saccade
