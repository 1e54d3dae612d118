// SPDX-License-Identifier: Apache-2.0
// From a checkpoint and tensors on the host to result tensors on the host, through the public C API alone.
//
// What the command line, the bench and the golden tests share. It waits for the device after every step, which an
// engine does not: samples/minimal.c shows how a frame does it.
#pragma once

#include <saccade/saccade.hpp>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/buffer.hpp"
#include "host/submitter.hpp"
#include "host/tensor.hpp"

namespace saccade::host {

/// What a model is made of; see SacModelInfo. Empty texts are left to the file.
struct ModelSource {
    std::span<const std::byte> bytes; ///< outlive the model
    std::string module;
    std::string config; ///< JSON whose members replace those of the file's config
    std::optional<std::string> weightPrefix;

    /// Points to the texts.
    SacModelInfo info() const;
};

/// A result that is wanted, and how; zeros are the module's own choice.
struct OutputRequest {
    std::string name;
    SacDataType dataType = SAC_DATA_TYPE_DEFAULT;
};

/// What a plan is asked for beside its inputs; see SacPlanInfo.
struct PlanOptions {
    std::vector<OutputRequest> outputs; ///< none: the module's main result
    std::string options;                ///< forward arguments as JSON
    SacPrecision precision = SAC_PRECISION_FLOAT32;
    SacPositionBiasInfo positionBias = sac::make<SacPositionBiasInfo>();
    uint32_t maxRunsInFlight = 0;
    SacPlanFlags flags = 0;
    /// Called between pipelines; false cancels.
    std::function<bool(uint32_t done, uint32_t total)> progress;
};

/// `inputs` are read during the call only. Throws sac::Exception, and std::invalid_argument for an input of a type that
/// cannot be handed over.
sac::Plan makePlan(const sac::Model& model, const TensorMap& inputs, const PlanOptions& options = {});
/// With what `builder` describes already; it is changed.
sac::Plan makePlan(const sac::Model& model, const TensorMap& inputs, const PlanOptions& options,
                   sac::PlanBuilder& builder);

class ModelRunner {
public:
    /// Makes model, plan and buffers. `source.bytes` outlive the runner. Throws what makePlan throws, and DeviceError.
    ModelRunner(const Context& context, const ModelSource& source, const TensorMap& inputs,
                const PlanOptions& options = {});

    /// Copies weights and inputs to the device, builds tables and clears the state. Before the first run.
    Timing upload();

    /// A run without workgroups, which compiles what the driver leaves for the first execution.
    Timing warmUp();

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

    /// Of any number of records, at once too. Points into this object.
    SacRunInfo runInfo() const;

    const sac::Model& model() const { return model_; }
    const sac::Plan& plan() const { return plan_; }
    SacPlanProperties properties() const { return plan_.properties(); }
    SacPositionBiasProperties positionBias() const { return plan_.positionBias(); }
    VkDeviceSize memorySize(SacMemoryKind kind) const { return memory(kind).size(); }
    const Buffer& memory(SacMemoryKind kind) const { return memory_[static_cast<std::size_t>(kind)]; }
    /// The device buffer of a bound input or output. Throws std::out_of_range for another name.
    const Buffer& tensorBuffer(const std::string& name) const { return bound_.at(name); }
    Submitter& submitter() { return submitter_; }

private:
    const Device& device_;
    Submitter submitter_;
    TensorMap inputs_;
    sac::Model model_;
    sac::Plan plan_;
    std::vector<SacTensorInfo> tensors_;
    std::array<Buffer, SAC_MEMORY_KIND_COUNT> memory_;
    std::map<std::string, Buffer> bound_; ///< by the tensor's name
    Buffer hostInputs_;                   ///< all bound inputs, one after the other
    Buffer hostOutputs_;
    std::vector<SacTensorBinding> bindings_;

    sac::MemoryRanges ranges() const;
};

} // namespace saccade::host
