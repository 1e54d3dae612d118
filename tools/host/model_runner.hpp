// SPDX-License-Identifier: Apache-2.0
// From a checkpoint and tensors on the host to result tensors on the host, through the public C API alone.
//
// What the command line, the bench and the golden tests share. It waits for the device after every step, which an
// engine does not: samples/minimal.c shows how a frame does it.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "host/buffer.hpp"
#include "host/library.hpp"
#include "host/submitter.hpp"
#include "host/tensor.hpp"

namespace saccade::host {

class ModelRunner {
public:
    /// Makes model, plan and buffers. `source.bytes` outlive the runner. Throws LibraryError, DeviceError, and
    /// std::invalid_argument for an input of a type that cannot be handed over.
    ModelRunner(Context& context, const ModelSource& source, const TensorMap& inputs, const PlanOptions& options = {});

    /// Copies weights and inputs to the device, builds tables and clears the state. Before the first run.
    Timing upload();

    /// One run, timed without the transfers. `batch`: entries to compute, 0 for all.
    Timing run(uint32_t batch = 0);

    /// Only records a run: for command buffers of the caller's own. The caller owes what the public header says.
    void record(VkCommandBuffer commandBuffer, uint32_t batch = 0, const SacTimestampRange& timestamps = {}) const;

    /// A copy of one of the plan's memories as it is.
    std::vector<std::byte> contents(SacMemoryKind kind);

    /// The results of the last run.
    TensorMap outputs();

    /// Replaces an input of the same type and shape; takes effect with the next upload().
    void setInput(const std::string& name, const Tensor& tensor);

    const Model& model() const { return model_; }
    const Plan& plan() const { return plan_; }
    const SacPlanProperties& properties() const { return plan_.properties(); }
    const SacPositionBiasProperties& positionBias() const { return plan_.positionBias(); }
    VkDeviceSize memorySize(SacMemoryKind kind) const { return plan_.memory(kind).size; }
    const Buffer& memory(SacMemoryKind kind) const { return memory_[static_cast<std::size_t>(kind)]; }
    /// The device buffer of a bound input or output. Throws std::out_of_range for another name.
    const Buffer& tensorBuffer(const std::string& name) const { return bound_.at(name); }
    Submitter& submitter() { return submitter_; }

private:
    const Device& device_;
    Submitter submitter_;
    TensorMap inputs_;
    Model model_;
    Plan plan_;
    std::array<Buffer, SAC_MEMORY_KIND_COUNT> memory_;
    std::map<std::string, Buffer> bound_; ///< by the tensor's name
    Buffer hostInputs_;                   ///< all bound inputs, one after the other
    Buffer hostOutputs_;
};

} // namespace saccade::host
