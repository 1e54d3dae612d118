// What makes a recorded program depend on a number in device memory: its dispatches become indirect ones, and a small
// dispatch before them writes their workgroup counts, or zeros, by what that number is when the commands execute.
#pragma once

#include <cstdint>

#include "graph/indirect_commands.hpp"
#include "graph/program.hpp"

namespace saccade {

class Gate {
public:
    Gate(const Device& device, PipelineLibrary& pipelines);
    ~Gate();
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    /// Acquires the pipeline, and the descriptor sets for programs of `dispatchCount` dispatches. Call once; a gate
    /// that is not prepared is not recorded.
    void compile(uint32_t dispatchCount, uint32_t maxRecords, Progress& progress);

    /// Of the commands.
    uint64_t bytes() const { return blockCount_ * pitch_; }
    /// Null before compile.
    const Pipeline* pipeline() const { return pipeline_; }

    /// Records the dispatches that write the commands of `program` at `commands`, and the barrier before those are
    /// read. Answers where Program::record finds them.
    IndirectCommands record(VkCommandBuffer commandBuffer, const Program& program, uint32_t batch,
                            const BufferBase& enable, const BufferBase& commands) const;

private:
    const Device& device_;
    PipelineLibrary& library_;
    const Pipeline* pipeline_ = nullptr;
    mutable DescriptorRing descriptors_;
    uint32_t blockCount_ = 0;
    uint64_t pitch_ = 0;
};

} // namespace saccade
