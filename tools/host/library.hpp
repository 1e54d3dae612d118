// SPDX-License-Identifier: Apache-2.0
// The library's objects as C++ values: each ends what it began, and failures are exceptions.
#pragma once

#include <saccade/saccade.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/device.hpp"
#include "host/tensor.hpp"

namespace saccade::host {

/// Receives the library's log.
using LogSink = std::function<void(SacLogSeverity severity, const std::string& message)>;

class Context {
public:
    /// `allocator` may be null: the library's own. `load` is where the library gets its Vulkan functions from. Throws
    /// LibraryError.
    explicit Context(const Device& device, LogSink log = {}, const VkAllocationCallbacks* allocator = nullptr,
                     PFN_vkGetInstanceProcAddr load = vkGetInstanceProcAddr);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    SacContext handle() const { return handle_; }
    const Device& device() const { return device_; }

private:
    const Device& device_;
    LogSink log_;
    SacContext handle_ = nullptr;
};

/// What a model is made of; see SacModelInfo. Empty texts are left to the file.
struct ModelSource {
    std::span<const std::byte> bytes; ///< outlive the model
    std::string module;
    std::string config; ///< JSON whose members replace those of the file's config
    std::optional<std::string> weightPrefix;
};

class Model {
public:
    /// Throws LibraryError.
    Model(Context& context, const ModelSource& source);
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    SacModel handle() const { return handle_; }
    Context& context() const { return context_; }
    std::string module() const { return sacGetModelModule(handle_); }

private:
    Context& context_;
    SacModel handle_ = nullptr;
};

/// A result that is wanted, and how; zeros are the module's own choice.
struct OutputRequest {
    std::string name;
    SacDataType dataType = SAC_DATA_TYPE_DEFAULT;
    SacLayout layout = SAC_LAYOUT_CONTIGUOUS;
};

/// See SacPlanInfo.
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

/// The library's name for a type that a file holds. BF16 and F64 are answered with FLOAT32, as which ModelRunner
/// hands them over. Throws std::invalid_argument naming `tensor` for a type without counterpart.
SacDataType libraryType(DataType type, const std::string& tensor);

/// The type in a file of what the library calls `type`.
DataType fileType(SacDataType type);

class Plan {
public:
    /// `inputs` are read during the call only. Throws LibraryError.
    Plan(Model& model, const TensorMap& inputs, const PlanOptions& options = {});
    ~Plan();
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    SacPlan handle() const { return handle_; }
    const std::vector<SacTensorInfo>& tensors() const { return tensors_; }
    /// Of one run, in order.
    const std::vector<SacStageInfo>& stages() const { return stages_; }
    /// What the plan's memory is made of.
    const std::vector<SacMemoryPart>& memoryParts() const { return memoryParts_; }
    /// A safetensors file of parts of one memory: those named, or all. Throws LibraryError.
    std::vector<std::byte> writeMemoryParts(SacMemoryKind kind, std::span<const std::byte> data,
                                            const std::vector<std::string>& names) const;
    const SacPlanProperties& properties() const { return properties_; }
    const SacPositionBiasProperties& positionBias() const { return positionBias_; }
    const SacMemoryRequirements& memory(SacMemoryKind kind) const { return memory_[static_cast<std::size_t>(kind)]; }

private:
    void query();

    SacPlan handle_ = nullptr;
    std::vector<SacTensorInfo> tensors_;
    std::vector<SacStageInfo> stages_;
    std::vector<SacMemoryPart> memoryParts_;
    SacPlanProperties properties_{};
    SacPositionBiasProperties positionBias_{};
    std::array<SacMemoryRequirements, SAC_MEMORY_KIND_COUNT> memory_{};
};

} // namespace saccade::host
