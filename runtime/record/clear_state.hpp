// SPDX-License-Identifier: Apache-2.0
// Zeros for a plan's state before a run. Numbers in device memory may have a say: one that skips the run, which then
// keeps the state, and one that asks for the zeros.
#pragma once

#include <cstdint>

#include "record/program.hpp"
#include "record/repeated_dispatch.hpp"

namespace saccade {

class ClearState {
public:
    ClearState(const Device& device, PipelineLibrary& pipelines) : device_(device), clear_(device, pipelines) {}

    /// Of the one pipeline.
    static const PipelineKey& pipelineKey();

    /// Acquires the pipeline, and descriptor sets for `maxRunsInFlight` records that execute at once. `bytes` is the
    /// size of the state, a multiple of 4 and not 0. Call once, before record.
    void compile(uint64_t bytes, uint32_t maxRunsInFlight, Progress& progress);

    /// Records the dispatches and the barrier after them. The state is cleared where neither uint32_t, of those that
    /// are given, is 0. A null buffer: not given.
    void record(VkCommandBuffer commandBuffer, const BufferBase& state, const BufferBase& enable,
                const BufferBase& reset) const;

private:
    const Device& device_;
    uint64_t bytes_ = 0, rangeBytes_ = 0; ///< of the state, and of what one dispatch binds
    RepeatedDispatch clear_;
};

} // namespace saccade
