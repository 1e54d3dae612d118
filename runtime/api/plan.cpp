// SPDX-License-Identifier: Apache-2.0
// sacCreatePlan, sacDestroyPlan.
#include "api/objects.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api/plan_memory.hpp"
#include "api/plan_request.hpp"
#include "api/run_bindings.hpp"

using namespace saccade;

SacPlan_T::SacPlan_T(SacModel model)
    : model(model), name(&model->context->memory), tensors(&model->context->memory),
      boundTensors(&model->context->memory), valueOffsets(&model->context->memory), parts(&model->context->memory),
      parameters(&model->context->memory), upload(&model->context->memory), run(&model->context->memory) {}

namespace {

constexpr uint32_t defaultRunsInFlight = 16;
constexpr uint32_t maximumRunsInFlight = 4096;

// The tensors in the order of the request, and those that a run binds in the order of the graph's externals. An input
// that the module has no use for is one that is not bound.
void takeTensors(SacPlan_T& plan, PlanBuilder& builder, const PlanRequest& request) {
    const std::span<PlanTensor> built = builder.tensors();
    const auto take = [&](const TensorRequest& wanted, bool output) {
        const auto found = std::find_if(built.begin(), built.end(), [&](const PlanTensor& tensor) {
            return tensor.output == output && tensor.name == wanted.name;
        });
        if (found != built.end()) {
            plan.tensors.push_back(std::move(*found));
            return;
        }
        PlanTensor& unused = plan.tensors.emplace_back();
        unused.name = wanted.name;
        unused.output = output;
        unused.host = true;
        unused.type = wanted.type.value_or(DataType::f32);
        unused.channelsLast = wanted.channelsLast;
        unused.shape = wanted.shape;
    };
    plan.tensors.reserve(built.size() + request.inputs.size());
    for (const TensorRequest& input : request.inputs)
        take(input, false);
    for (const TensorRequest& output : request.outputs)
        take(output, true);
    if (request.outputs.empty()) // the main result
        for (PlanTensor& tensor : built)
            if (tensor.output)
                plan.tensors.push_back(std::move(tensor));
    for (uint32_t i = 0; i < plan.tensors.size(); ++i)
        if (!plan.tensors[i].host)
            plan.boundTensors.push_back(i);
    const auto external = [&](uint32_t i) { return builder.graph().tensor(plan.tensors[i].tensor).external; };
    std::sort(plan.boundTensors.begin(), plan.boundTensors.end(),
              [&](uint32_t a, uint32_t b) { return external(a) < external(b); });
}

// Every distinct pipeline of the plan: of its dispatches, and of what is recorded before them.
std::pmr::vector<const PipelineKey*> pipelinesOf(const SacPlan_T& plan) {
    auto keys = distinctPipelines({&plan.upload, &plan.run}, &plan.model->context->memory);
    if (plan.flags & SAC_PLAN_CONDITIONAL_BIT)
        keys.push_back(&ConditionalDispatch::pipelineKey());
    if (plan.memory[SAC_MEMORY_STATE].size)
        keys.push_back(&ClearState::pipelineKey());
    return keys;
}

SacPlanProperties propertiesOf(const SacPlan_T& plan, const Graph& graph) {
    SacPlanProperties out{};
    out.dispatchCount = static_cast<uint32_t>(plan.run.dispatches().size());
    out.barrierCount = plan.run.barrierCount();
    out.pipelineCount = static_cast<uint32_t>(pipelinesOf(plan).size());
    out.precision = plan.storage == DataType::f16 ? SAC_PRECISION_FLOAT16 : SAC_PRECISION_FLOAT32;
    out.flops = graph.flops();
    out.bytes = plan.run.bytes();
    out.tablesKey = plan.upload.fingerprint(plan.parameters);
    return out;
}

SacPositionBiasProperties propertiesOf(const BiasReport& bias) {
    SacPositionBiasProperties out{};
    out.mode = bias.mode == BiasMode::exact   ? SAC_POSITION_BIAS_MODE_EXACT
               : bias.mode == BiasMode::table ? SAC_POSITION_BIAS_MODE_TABLE
                                              : SAC_POSITION_BIAS_MODE_AUTO;
    std::copy(bias.tableSize.begin(), bias.tableSize.end(), out.tableSize);
    out.tableError = bias.tableError;
    return out;
}

void logBias(const Log& log, std::string_view name, const BiasReport& bias, const BiasRequest& request) {
    char text[256];
    if (bias.mode == BiasMode::table) {
        const bool met = bias.tableError <= request.tolerance;
        std::snprintf(text, sizeof(text), "%.*s: position bias from a table of %u x %u x %u nodes, rms error %.2g%s",
                      clip(name), name.data(), bias.tableSize[0], std::max(bias.tableSize[1], 1u),
                      std::max(bias.tableSize[2], 1u), static_cast<double>(bias.tableError),
                      met ? "" : ", above the tolerance: no finer one fits the limit");
        log.write(met ? SAC_LOG_INFO : SAC_LOG_WARNING, text);
    } else if (bias.mode == BiasMode::exact && request.mode == BiasMode::automatic) {
        std::snprintf(text, sizeof(text),
                      "%.*s: position bias computed exactly: no table within %llu bytes meets the tolerance of %.2g",
                      clip(name), name.data(), wide(request.tableLimit), static_cast<double>(request.tolerance));
        log.write(SAC_LOG_INFO, text);
    }
}

struct ProgressCallback {
    SacProgressCallback function; ///< may be null
    void* userData;

    static bool call(void* self, uint32_t done, uint32_t total) {
        const auto& callback = *static_cast<ProgressCallback*>(self);
        if (!callback.function)
            return true;
        try {
            return callback.function(callback.userData, done, total) != VK_FALSE;
        } catch (...) {
            throw Error(SAC_ERROR_CANCELLED, "cancelled: the progress callback threw an exception");
        }
    }
};

// What the caller asks, checked.
struct Asked {
    Asked(const SacPlan_T& plan, const SacPlanInfo& info, Progress& progress)
        : memory(&plan.model->context->memory), device(plan.model->context->device),
          inputs(tensorRequests(info.inputCount, info.inputs, "inputs", true, device)),
          outputs(tensorRequests(info.outputCount, info.outputs, "outputs", false, device)),
          optionsDocument(
              parseJson(info.options ? info.options : "{}", memory, SAC_ERROR_INVALID_CONFIG, "info->options")),
          options(optionsDocument.root(),
                  {"option", plan.model->description().options, "of the configuration (SacModelInfo::config)",
                   plan.model->description().config},
                  memory),
          request{plan.model->type->name,
                  plan.model->description(),
                  inputs,
                  outputs,
                  options,
                  storageType(info.precision, device.profile),
                  biasRequest(chained<SacPositionBiasInfo>(info.pNext)),
                  &progress},
          runsInFlight(info.maxRunsInFlight ? info.maxRunsInFlight : defaultRunsInFlight),
          jobs(chained<SacCompileJobs>(info.pNext)) {
        if (runsInFlight > maximumRunsInFlight)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->maxRunsInFlight is %u, at most %u", runsInFlight,
                        maximumRunsInFlight);
        if (jobs)
            require(jobs->parallelFor, "SacCompileJobs::parallelFor");
    }

    std::pmr::memory_resource* memory;
    const Device& device;
    std::pmr::vector<TensorRequest> inputs, outputs;
    JsonDocument optionsDocument;
    Config options;
    PlanRequest request;
    uint32_t runsInFlight;
    const SacCompileJobs* jobs; ///< null: the calling thread compiles
};

// One step for each job, then one for each dispatch, and for what is recorded before them.
void compile(SacPlan_T& plan, const Asked& asked, Progress& progress) {
    SacContext_T& context = *plan.model->context;
    const bool conditional = plan.flags & SAC_PLAN_CONDITIONAL_BIT;
    const uint64_t stateBytes = plan.memory[SAC_MEMORY_STATE].size;
    const auto dispatches = static_cast<uint32_t>(plan.upload.dispatches().size() + plan.run.dispatches().size() +
                                                  conditional + (stateBytes > 0));
    const auto lent = asked.jobs ? pipelinesOf(plan) : std::pmr::vector<const PipelineKey*>(&context.memory);
    CompileJobs jobs(context.pipelines, lent, &context.memory); // holds what it compiles until it is acquired below
    progress.setTotal(jobs.count() + dispatches);
    if (asked.jobs)
        jobs.run(*asked.jobs, context.jobGates, progress);
    Recorder& recorder = plan.recorder.emplace(context, plan.upload, plan.run);
    recorder.upload.compile(asked.runsInFlight, progress);
    recorder.run.compile(asked.runsInFlight, progress);
    if (conditional)
        recorder.conditional.compile(asked.runsInFlight, progress);
    if (stateBytes)
        recorder.clearState.compile(stateBytes, asked.runsInFlight, progress);
}

void initialize(SacPlan_T& plan, const SacPlanInfo& info) {
    SacContext_T& context = *plan.model->context;
    ProgressCallback callback{info.progress, info.progressUserData};
    Progress progress(ProgressCallback::call, &callback);
    Asked asked(plan, info, progress);
    plan.name = info.name ? info.name : plan.model->type->name;
    plan.flags = info.flags;
    plan.storage = asked.request.storage;

    PlanBuilder builder(asked.request, *plan.model->weights, context.device.profile, asked.memory);
    plan.model->module->build(builder);
    requireBindable(builder.tensors());
    plan.batch = builder.batch();
    takeTensors(plan, builder, asked.request);
    placeGraph(plan, builder.graph());
    plan.parts = listMemoryParts(plan, builder.graph(), progress);

    if (context.device.handle)
        compile(plan, asked, progress);
    else
        progress.next();
    progress.ask();
    plan.properties = propertiesOf(plan, builder.graph());
    plan.positionBias = propertiesOf(builder.biasReport());
    context.log.write(plan.name.c_str(), builder.warnings());
    logBias(context.log, plan.name, builder.biasReport(), asked.request.bias);
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacCreatePlan(SacModel model, const SacPlanInfo* info, SacPlan* plan,
                                                      SacError* error) {
    if (plan)
        *plan = nullptr;
    return guarded(error, model ? &model->context->log : nullptr, [&] {
        require(model, "model");
        requireStructure(info, "info");
        require(plan, "plan");
        requireFlags(info->flags,
                     SAC_PLAN_NO_ALIASING_BIT | SAC_PLAN_CONDITIONAL_BIT | SAC_PLAN_CONDITIONAL_RESET_BIT |
                         SAC_PLAN_WHOLE_BUFFERS_BIT,
                     "info->flags");
        requireUtf8(info->name, "info->name");
        ChildCount count(model->planCount);
        UniquePtr<SacPlan_T> created = makeUnique<SacPlan_T>(&model->context->memory, model);
        initialize(*created, *info);
        *plan = created.release();
        count.keep();
    });
}

extern "C" SAC_API void VKAPI_CALL sacDestroyPlan(SacPlan plan) {
    if (!plan)
        return;
    SacModel model = plan->model;
    destroy(&model->context->memory, plan);
    model->planCount.fetch_sub(1);
}
