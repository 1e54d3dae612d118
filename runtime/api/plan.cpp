// SPDX-License-Identifier: Apache-2.0
// sacCreatePlan, sacDestroyPlan.
#include "api/objects.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api/plan_request.hpp"
#include "api/run_bindings.hpp"
#include "graph/planner.hpp"

using namespace saccade;

SacPlan_T::SacPlan_T(SacModel model)
    : model(model), name(&model->context->memory), tensors(&model->context->memory),
      boundTensors(&model->context->memory), valueOffsets(&model->context->memory), parts(&model->context->memory),
      parameters(&model->context->memory), upload(&model->context->memory), run(&model->context->memory) {}

namespace {

constexpr uint32_t defaultRunsInFlight = 16;
constexpr uint32_t maximumRunsInFlight = 4096;

// What Vulkan wants of a buffer of this kind; asked of a buffer that lives for the question only.
SacMemoryRequirements bufferRequirements(const Device& device, VkDeviceSize size, VkBufferUsageFlags usage) {
    SacMemoryRequirements out{};
    out.size = size;
    out.usage = usage;
    out.alignment = std::max<VkDeviceSize>(device.profile.minStorageBufferOffsetAlignment, 4);
    if (!device.handle)
        return out;
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.size = std::max<VkDeviceSize>(size, 4);
    info.usage = usage;
    VkBuffer buffer = VK_NULL_HANDLE;
    check(device.vk.CreateBuffer(device.handle, &info, device.allocator, &buffer), "vkCreateBuffer");
    VkMemoryRequirements requirements{};
    device.vk.GetBufferMemoryRequirements(device.handle, buffer, &requirements);
    device.vk.DestroyBuffer(device.handle, buffer, device.allocator);
    out.memoryTypeBits = requirements.memoryTypeBits;
    return out;
}

// The plan's tensors in the order of the request. An input that the module has no use for is one that is not bound.
void setTensors(SacPlan_T& plan, std::span<PlanTensor> built, const PlanRequest& request) {
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
}

bool takesValue(const PlanTensor& tensor) {
    return !tensor.output && !tensor.imageCount && tensor.type == DataType::i32 && elementCount(tensor.shape) == 1;
}

// Room behind the intermediates for inputs that a run may bring as a value. Returns the bytes of the whole workspace.
uint64_t placeValues(SacPlan_T& plan, const Graph& graph, uint64_t workspaceBytes) {
    plan.valueOffsets.assign(plan.boundTensors.size(), SacPlan_T::noValue);
    for (size_t i = 0; i < plan.boundTensors.size(); ++i) {
        if (!takesValue(plan.tensors[plan.boundTensors[i]]))
            continue;
        plan.valueOffsets[i] = alignUp(workspaceBytes, graph.offsetAlignment());
        workspaceBytes = plan.valueOffsets[i] + sizeof(int32_t);
    }
    return workspaceBytes;
}

// Room behind everything else for the workgroup counts of a conditional plan. Returns as placeValues.
uint64_t placeCommands(SacPlan_T& plan, const Graph& graph, uint64_t workspaceBytes) {
    if (!(plan.flags & SAC_PLAN_CONDITIONAL_BIT))
        return workspaceBytes;
    plan.commandBytes = ConditionalDispatch::commandBytes(plan.run, plan.model->context->device.profile);
    plan.commandsOffset = alignUp(workspaceBytes, graph.offsetAlignment());
    return plan.commandsOffset + plan.commandBytes;
}

void setMemory(SacPlan_T& plan, const Graph& graph, uint64_t workspaceBytes) {
    const Device& device = plan.model->context->device;
    const VkDeviceSize weights = plan.model->weights->bytes(plan.storage);
    constexpr VkBufferUsageFlags storage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    plan.memory[SAC_MEMORY_WEIGHTS] = bufferRequirements(device, weights, storage | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    plan.memory[SAC_MEMORY_TABLES] = bufferRequirements(device, graph.tableBytes(), storage);
    const bool values = std::any_of(plan.valueOffsets.begin(), plan.valueOffsets.end(),
                                    [](uint64_t offset) { return offset != SacPlan_T::noValue; });
    VkBufferUsageFlags workspace = storage;
    if (values)
        workspace |= VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    if (plan.commandBytes)
        workspace |= VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    plan.memory[SAC_MEMORY_WORKSPACE] = bufferRequirements(device, workspaceBytes, workspace);
    plan.memory[SAC_MEMORY_STATE] = bufferRequirements(device, graph.stateBytes(), storage);
    plan.memory[SAC_MEMORY_PARAMETERS] = bufferRequirements(
        device, graph.parameterBytes(), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    plan.memory[SAC_MEMORY_PARAMETERS].alignment = parameterAlignment;
    plan.memory[SAC_MEMORY_STAGING] = bufferRequirements(device, weights, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
}

void setProperties(SacPlan_T& plan, const Graph& graph, const BiasReport& bias) {
    SacPlanProperties& p = plan.properties;
    p.dispatchCount = static_cast<uint32_t>(plan.run.dispatches().size());
    p.barrierCount = plan.run.barrierCount();
    p.pipelineCount =
        static_cast<uint32_t>(distinctPipelines({&plan.upload, &plan.run}, &plan.model->context->memory).size() +
                              (plan.flags & SAC_PLAN_CONDITIONAL_BIT ? 1 : 0) + (graph.stateBytes() ? 1 : 0));
    p.precision = plan.storage == DataType::f16 ? SAC_PRECISION_FLOAT16 : SAC_PRECISION_FLOAT32;
    p.flops = graph.flops();
    p.bytes = plan.run.bytes();
    p.tablesKey = plan.upload.fingerprint(plan.parameters);
    plan.positionBias.mode = bias.mode == BiasMode::exact   ? SAC_POSITION_BIAS_MODE_EXACT
                             : bias.mode == BiasMode::table ? SAC_POSITION_BIAS_MODE_TABLE
                                                            : SAC_POSITION_BIAS_MODE_AUTO;
    std::copy(bias.tableSize.begin(), bias.tableSize.end(), plan.positionBias.tableSize);
    plan.positionBias.tableError = bias.tableError;
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

// One step for each job, then one for each dispatch, and for what is recorded before them.
void compile(SacPlan_T& plan, uint64_t stateBytes, uint32_t maxRunsInFlight, const SacCompileJobs* lender,
             Progress& progress) {
    SacContext_T& context = *plan.model->context;
    const bool conditional = plan.flags & SAC_PLAN_CONDITIONAL_BIT;
    const bool state = stateBytes > 0;
    const auto dispatches =
        static_cast<uint32_t>(plan.upload.dispatches().size() + plan.run.dispatches().size() + conditional + state);
    const PipelineKey conditionalKey = ConditionalDispatch::pipelineKey(), clearKey = ClearState::pipelineKey();
    std::pmr::vector<const PipelineKey*> distinct(&context.memory);
    if (lender) {
        distinct = distinctPipelines({&plan.upload, &plan.run}, &context.memory);
        if (conditional)
            distinct.push_back(&conditionalKey);
        if (state)
            distinct.push_back(&clearKey);
    }
    CompileJobs jobs(context.pipelines, distinct, &context.memory); // holds what it compiles until it is acquired below
    progress.setTotal(jobs.count() + dispatches);
    if (lender)
        jobs.run(*lender, context.jobGates, progress);
    Recorder& recorder = plan.recorder.emplace(context, plan.upload, plan.run);
    recorder.upload.compile(maxRunsInFlight, progress);
    recorder.run.compile(maxRunsInFlight, progress);
    if (conditional)
        recorder.conditional.compile(maxRunsInFlight, progress);
    if (state)
        recorder.clearState.compile(stateBytes, maxRunsInFlight, progress);
}

void initialize(SacPlan_T& plan, const SacPlanInfo& info) {
    SacModel_T& model = *plan.model;
    SacContext_T& context = *model.context;
    const DeviceProfile& device = context.device.profile;
    std::pmr::memory_resource* memory = &context.memory;
    ProgressCallback callback{info.progress, info.progressUserData};
    Progress progress(ProgressCallback::call, &callback);

    plan.name = info.name ? info.name : model.type->name;
    const auto inputs = tensorRequests(info.inputCount, info.inputs, "inputs", true, context.device);
    const auto outputs = tensorRequests(info.outputCount, info.outputs, "outputs", false, context.device);
    const JsonDocument optionsDocument =
        parseJson(info.options ? info.options : "{}", memory, SAC_ERROR_INVALID_CONFIG, "info->options");
    const ModuleDescription& description = model.description();
    Config options(optionsDocument.root(),
                   {"option", description.options, "of the configuration (SacModelInfo::config)", description.config},
                   memory);
    plan.flags = info.flags;
    plan.storage = storageType(info.precision, device);
    const PlanRequest request{model.type->name,
                              description,
                              inputs,
                              outputs,
                              options,
                              plan.storage,
                              biasRequest(chained<SacPositionBiasInfo>(info.pNext)),
                              &progress};
    if (info.maxRunsInFlight > maximumRunsInFlight)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->maxRunsInFlight is %u, at most %u", info.maxRunsInFlight,
                    maximumRunsInFlight);

    const auto* jobs = chained<SacCompileJobs>(info.pNext);
    if (jobs)
        require(jobs->parallelFor, "SacCompileJobs::parallelFor");

    PlanBuilder builder(request, *model.weights, device, memory);
    model.module->build(builder);
    requireBindable(builder.tensors());
    Graph& graph = builder.graph();
    const uint64_t workspaceBytes = planMemory(graph, !(info.flags & SAC_PLAN_NO_ALIASING_BIT));
    planBarriers(graph);

    plan.batch = builder.batch();
    setTensors(plan, builder.tensors(), request);
    for (uint32_t i = 0; i < plan.tensors.size(); ++i)
        if (!plan.tensors[i].host)
            plan.boundTensors.push_back(i);
    std::sort(plan.boundTensors.begin(), plan.boundTensors.end(), [&](uint32_t a, uint32_t b) {
        return graph.tensor(plan.tensors[a].tensor).external < graph.tensor(plan.tensors[b].tensor).external;
    });

    plan.upload.build(graph, Phase::upload, 1, device);
    plan.run.build(graph, Phase::run, plan.batch, device);
    if (context.device.handle)
        compile(plan, graph.stateBytes(), info.maxRunsInFlight ? info.maxRunsInFlight : defaultRunsInFlight, jobs,
                progress);
    else
        progress.next();
    setMemory(plan, graph, placeCommands(plan, graph, placeValues(plan, graph, workspaceBytes)));
    plan.parameters.resize(graph.parameterBytes());
    graph.writeParameters(plan.parameters);
    progress.ask();
    listMemoryParts(plan, graph, progress);
    setProperties(plan, graph, builder.biasReport());
    context.log.write(plan.name.c_str(), builder.warnings());
    logBias(context.log, plan.name, builder.biasReport(), request.bias);
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
        requireFlags(info->flags, SAC_PLAN_NO_ALIASING_BIT | SAC_PLAN_CONDITIONAL_BIT | SAC_PLAN_CONDITIONAL_RESET_BIT,
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
