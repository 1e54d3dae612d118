// SPDX-License-Identifier: Apache-2.0
// The objects behind the handles.
#pragma once

#include <array>
#include <atomic>
#include <optional>

#include <saccade/saccade.h>

#include "api/boundary.hpp"
#include "api/compile_jobs.hpp"
#include "api/memory_parts.hpp"
#include "base/memory.hpp"
#include "io/json.hpp"
#include "io/safetensors.hpp"
#include "modules/module.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"
#include "record/clear_state.hpp"
#include "record/conditional_dispatch.hpp"
#include "record/pipelines.hpp"
#include "record/program.hpp"
#include "vulkan/device.hpp"

/// Members are destroyed in reverse: pipelines need the device, everything needs the memory.
struct SacContext_T {
    explicit SacContext_T(const VkAllocationCallbacks* callbacks)
        : memory(callbacks), pipelines(device), jobGates(&memory) {}

    saccade::HostMemory memory;
    saccade::Log log;
    saccade::Device device{&memory};
    saccade::PipelineLibrary pipelines;
    saccade::JobGates jobGates;
    std::atomic<uint32_t> modelCount{0};
};

struct SacModel_T {
    explicit SacModel_T(SacContext context) : context(context), module(nullptr, {}) {}

    /// Of the module's type, or of this very model where it has its own.
    const saccade::ModuleDescription& description() const {
        const saccade::ModuleDescription* own = module->description();
        return own ? *own : type->description;
    }

    SacContext context;
    const saccade::ModuleType* type = nullptr;
    std::optional<saccade::Safetensors> file;
    std::optional<saccade::JsonDocument> config; ///< the file's, with the caller's members replaced
    std::optional<saccade::WeightSet> weights;
    saccade::ModulePtr module;
    std::atomic<uint32_t> planCount{0};
};

namespace saccade {

/// What records a plan.
struct Recorder {
    Recorder(SacContext_T& context, const DispatchList& uploadList, const DispatchList& runList)
        : upload(context.device, context.pipelines, uploadList), run(context.device, context.pipelines, runList),
          conditional(context.device, context.pipelines, runList), clearState(context.device, context.pipelines) {}

    Program upload, run;
    ConditionalDispatch conditional; ///< compiled for plans with SAC_PLAN_CONDITIONAL_BIT
    ClearState clearState;           ///< compiled for plans with state
};

} // namespace saccade

struct SacPlan_T {
    explicit SacPlan_T(SacModel model);

    static constexpr uint64_t noValue = ~uint64_t{0}; ///< in valueOffsets: the tensor takes a buffer only

    SacModel model;
    std::pmr::string name; ///< of its debug label and log messages
    SacPlanFlags flags = 0;
    saccade::DataType storage = saccade::DataType::f32;
    uint32_t batch = 1;
    std::pmr::vector<saccade::PlanTensor> tensors;
    std::pmr::vector<uint32_t> boundTensors;     ///< indices in `tensors`, in the order of the graph's externals
    std::pmr::vector<uint64_t> valueOffsets;     ///< of each of these: its place in the workspace, or noValue
    std::pmr::vector<saccade::MemoryPart> parts; ///< of all kinds, in the order of sacGetPlanMemoryParts
    std::pmr::vector<std::byte> parameters;      ///< contents of SAC_MEMORY_PARAMETERS
    saccade::DispatchList upload, run;
    std::optional<saccade::Recorder> recorder;     ///< none in a context without a VkDevice
    uint64_t commandsOffset = 0, commandBytes = 0; ///< indirect commands of a conditional plan, in the workspace
    std::array<SacMemoryRequirements, SAC_MEMORY_KIND_COUNT> memory{};
    SacPlanProperties properties{};
    SacPositionBiasProperties positionBias{};
};

namespace saccade {

/// The plan's recorder. Throws SAC_ERROR_INVALID_ARGUMENT if it has none.
inline const Recorder& requireRecorder(const SacPlan_T& plan) {
    if (!plan.recorder)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "plan is of a context without a VkDevice: it has no pipelines, and nothing can be recorded");
    return *plan.recorder;
}

} // namespace saccade
