// sacCreatePlan, sacDestroyPlan and what a plan answers.
#include "api/objects.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api/data_types.hpp"
#include "graph/planner.hpp"

using namespace saccade;

SacPlan_T::SacPlan_T(SacModel model)
    : model(model), tensors(&model->context->memory), boundTensors(&model->context->memory),
      valueOffsets(&model->context->memory), parts(&model->context->memory),
      upload(model->context->device, model->context->pipelines), run(model->context->device, model->context->pipelines),
      gate(model->context->device, model->context->pipelines) {}

namespace {

constexpr uint32_t defaultRecords = 16;
constexpr uint32_t maximumRecords = 4096;
constexpr VkDeviceSize defaultTableLimit = VkDeviceSize(16) << 20;
constexpr float defaultTolerance = 1e-4f;

std::optional<DataType> requestedType(SacDataType type, const char* array, uint32_t index, const Capabilities& device) {
    switch (type) {
    case SAC_DATA_TYPE_DEFAULT:
        return std::nullopt;
    case SAC_DATA_TYPE_FLOAT32:
        return DataType::f32;
    case SAC_DATA_TYPE_FLOAT16:
        if (!device.storage16Bit)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "info->%s[%u].dataType is FLOAT16, the context was created without "
                        "SAC_FEATURE_STORAGE_16BIT_BIT",
                        array, index);
        return DataType::f16;
    case SAC_DATA_TYPE_INT32:
        return DataType::i32;
    case SAC_DATA_TYPE_INT64:
        return DataType::i64;
    case SAC_DATA_TYPE_UINT8:
        return DataType::u8;
    case SAC_DATA_TYPE_BOOL:
        return DataType::boolean;
    case SAC_DATA_TYPE_MAX_ENUM:
        break;
    }
    throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].dataType is %d, no SacDataType", array, index,
                static_cast<int>(type));
}

constexpr uint32_t maximumShuffle = 64;

// `write`: of an output. `where` names the description.
ImageRequest imageRequest(const SacImageDesc& desc, bool write, const char* where, const Device& device) {
    const int format = static_cast<int>(desc.format);
    const ImageFormat* known = findImageFormat(desc.format);
    if (!known)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "%s.format is VkFormat %d, it is a float, unorm, snorm, srgb or depth format of one aspect", where,
                    format);
    if (write && known->store == StoreFormat::none)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "%s.format is VkFormat %d, outputs are R8G8B8A8_UNORM, R16G16B16A16_SFLOAT, R32G32B32A32_SFLOAT or "
                    "R32_SFLOAT",
                    where, format);
    if (!device.supports(desc.format,
                         write ? VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT : VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT))
        throw Error(SAC_ERROR_UNSUPPORTED, "%s.format is VkFormat %d, of which the device has no %s images", where,
                    format, write ? "storage" : "sampled");
    if (desc.channels > known->components)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.channels is %u, VkFormat %d has %u", where, desc.channels, format,
                    known->components);
    if (desc.pixelShuffle > maximumShuffle)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.pixelShuffle is %u, at most %u", where, desc.pixelShuffle,
                    maximumShuffle);
    const uint32_t channels = desc.channels ? desc.channels : known->components;
    return {*known, {channels, desc.pixelShuffle ? desc.pixelShuffle : 1}};
}

FixedVector<ImageRequest, maxImages> imageRequests(const SacTensorDesc& desc, bool write, const char* array,
                                                   uint32_t index, const Device& device) {
    static_assert(maxImages == SAC_MAX_IMAGES);
    if (desc.imageCount > maxImages)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].imageCount is %u, at most SAC_MAX_IMAGES = %u", array,
                    index, desc.imageCount, maxImages);
    if (desc.imageCount && !desc.images)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].images is null, but its imageCount is %u", array, index,
                    desc.imageCount);
    if (desc.imageCount && (desc.dataType != SAC_DATA_TYPE_DEFAULT || desc.layout != SAC_LAYOUT_CONTIGUOUS))
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->%s[%u] has images, whose formats say what they hold: its dataType is DEFAULT and its layout "
                    "CONTIGUOUS",
                    array, index);
    FixedVector<ImageRequest, maxImages> out;
    for (uint32_t i = 0; i < desc.imageCount; ++i) {
        char where[64];
        std::snprintf(where, sizeof(where), "info->%s[%u].images[%u]", array, index, i);
        out.push_back(imageRequest(desc.images[i], write, where, device));
    }
    return out;
}

// The largest tensor that 32-bit element offsets in shaders can address, with room for sums of offsets.
constexpr uint64_t maximumElements = uint64_t(1) << 31;

// `shaped`: of an input; outputs have the shapes that follow, whatever their descriptions say.
TensorRequest request(const SacTensorDesc& desc, const char* array, uint32_t index, bool shaped, const Device& device) {
    if (!desc.name)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].name is null, it is required", array, index);
    TensorRequest out;
    out.name = desc.name;
    out.type = requestedType(desc.dataType, array, index, device.capabilities);
    if (desc.layout != SAC_LAYOUT_CONTIGUOUS && desc.layout != SAC_LAYOUT_CHANNELS_LAST)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].layout is %d, no SacLayout", array, index,
                    static_cast<int>(desc.layout));
    out.channelsLast = desc.layout == SAC_LAYOUT_CHANNELS_LAST;
    out.images = imageRequests(desc, !shaped, array, index, device);
    if (!shaped)
        return out;
    if (desc.rank > SAC_MAX_RANK)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].rank is %u, at most SAC_MAX_RANK = %u", array, index,
                    desc.rank, SAC_MAX_RANK);
    uint64_t elements = 1;
    for (uint32_t axis = 0; axis < desc.rank; ++axis) {
        const uint64_t n = desc.shape[axis];
        if (n == 0 || n > maximumElements || elements * n > maximumElements)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->%s[%u] \"%s\": shape[%u] is %llu, dimensions are at least 1 and a tensor has at most "
                        "2^31 elements",
                        array, index, desc.name, axis, static_cast<unsigned long long>(n));
        elements *= n;
        out.shape.push_back(n);
    }
    out.hostData = desc.hostData;
    return out;
}

std::pmr::vector<TensorRequest> requests(uint32_t count, const SacTensorDesc* descs, const char* array, bool shaped,
                                         SacContext_T& context) {
    if (count && !descs)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s is null, but its count is %u", array, count);
    std::pmr::vector<TensorRequest> out(&context.memory);
    for (uint32_t i = 0; i < count; ++i) {
        out.push_back(request(descs[i], array, i, shaped, context.device));
        for (uint32_t j = 0; j < i; ++j)
            if (out[j].name == out[i].name)
                throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u] and [%u] both name \"%s\"", array, j, i,
                            descs[i].name);
    }
    return out;
}

DataType storageType(SacPrecision precision, const Capabilities& device) {
    switch (precision) {
    case SAC_PRECISION_FLOAT32:
        return DataType::f32;
    case SAC_PRECISION_FLOAT16:
        if (!device.storage16Bit)
            throw Error(SAC_ERROR_UNSUPPORTED, "info->precision is SAC_PRECISION_FLOAT16, the context was created "
                                               "without SAC_FEATURE_STORAGE_16BIT_BIT");
        return DataType::f16;
    case SAC_PRECISION_FLOAT16_IF_SUPPORTED:
        return device.storage16Bit ? DataType::f16 : DataType::f32;
    case SAC_PRECISION_MAX_ENUM:
        break;
    }
    throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->precision is %d, no SacPrecision", static_cast<int>(precision));
}

BiasRequest biasRequest(const SacPlanInfo& info) {
    BiasRequest bias;
    switch (info.positionBias) {
    case SAC_POSITION_BIAS_AUTO:
        bias.mode = BiasMode::automatic;
        break;
    case SAC_POSITION_BIAS_EXACT:
        bias.mode = BiasMode::exact;
        break;
    case SAC_POSITION_BIAS_TABLE:
        bias.mode = BiasMode::table;
        break;
    default:
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->positionBias is %d, no SacPositionBias",
                    static_cast<int>(info.positionBias));
    }
    // Written so that a NaN fails too.
    if (!(info.positionBiasTolerance >= 0.0f && info.positionBiasTolerance <= 1.0f))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->positionBiasTolerance is %g, it lies in (0, 1], 0 for 1e-4",
                    static_cast<double>(info.positionBiasTolerance));
    bias.tolerance = info.positionBiasTolerance > 0 ? info.positionBiasTolerance : defaultTolerance;
    bias.tableLimit = info.positionBiasTableLimit ? info.positionBiasTableLimit : defaultTableLimit;
    return bias;
}

// What Vulkan wants of a buffer of this kind; asked of a buffer that lives for the question only.
SacMemoryRequirements bufferRequirements(const Device& device, VkDeviceSize size, VkBufferUsageFlags usage) {
    SacMemoryRequirements out{};
    out.size = size;
    out.usage = usage;
    out.alignment = std::max<VkDeviceSize>(device.capabilities.storageBufferOffsetAlignment, 4);
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
    if (!plan.gate.bytes())
        return workspaceBytes;
    plan.commandsOffset = alignUp(workspaceBytes, graph.offsetAlignment());
    return plan.commandsOffset + plan.gate.bytes();
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
    if (plan.gate.bytes())
        workspace |= VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    plan.memory[SAC_MEMORY_WORKSPACE] = bufferRequirements(device, workspaceBytes, workspace);
    plan.memory[SAC_MEMORY_STATE] = bufferRequirements(device, graph.stateBytes(), storage);
    plan.memory[SAC_MEMORY_STAGING] = bufferRequirements(device, weights, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
}

void setProperties(SacPlan_T& plan, const Graph& graph, const BiasReport& bias) {
    SacPlanProperties& p = plan.properties;
    p.sType = SAC_STRUCTURE_TYPE_PLAN_PROPERTIES;
    p.dispatchCount = plan.run.dispatchCount();
    p.barrierCount = plan.run.barrierCount();
    std::pmr::vector<const Pipeline*> distinct(&plan.model->context->memory);
    for (const Program* program : {&plan.upload, &plan.run})
        distinct.insert(distinct.end(), program->pipelines().begin(), program->pipelines().end());
    if (plan.gate.pipeline())
        distinct.push_back(plan.gate.pipeline());
    std::sort(distinct.begin(), distinct.end());
    p.pipelineCount = static_cast<uint32_t>(std::unique(distinct.begin(), distinct.end()) - distinct.begin());
    p.precision = plan.storage == DataType::f16 ? SAC_PRECISION_FLOAT16 : SAC_PRECISION_FLOAT32;
    p.flops = graph.flops();
    p.bytes = plan.run.bytes();
    p.positionBias = bias.mode == BiasMode::exact   ? SAC_POSITION_BIAS_EXACT
                     : bias.mode == BiasMode::table ? SAC_POSITION_BIAS_TABLE
                                                    : SAC_POSITION_BIAS_AUTO;
    std::copy(bias.tableSize.begin(), bias.tableSize.end(), p.tableSize);
    p.tableError = bias.tableError;
}

void logBias(const Log& log, const char* name, const BiasReport& bias, const BiasRequest& request) {
    char text[256];
    if (bias.mode == BiasMode::table) {
        std::snprintf(text, sizeof(text), "%s: position bias from a table of %u x %u x %u nodes, error %.2g of its rms",
                      name, bias.tableSize[0], std::max(bias.tableSize[1], 1u), std::max(bias.tableSize[2], 1u),
                      static_cast<double>(bias.tableError));
        log.write(SAC_LOG_INFO, text);
    } else if (bias.mode == BiasMode::exact && request.mode == BiasMode::automatic) {
        std::snprintf(text, sizeof(text),
                      "%s: position bias computed exactly: no table within %llu bytes meets the tolerance of %.2g",
                      name, static_cast<unsigned long long>(request.tableLimit),
                      static_cast<double>(request.tolerance));
        log.write(SAC_LOG_INFO, text);
    }
}

void initialize(SacPlan_T& plan, const SacPlanInfo& info) {
    SacModel_T& model = *plan.model;
    SacContext_T& context = *model.context;
    const Capabilities& device = context.device.capabilities;
    std::pmr::memory_resource* memory = &context.memory;

    const auto inputs = requests(info.inputCount, info.inputs, "inputs", true, context);
    const auto outputs = requests(info.outputCount, info.outputs, "outputs", false, context);
    const JsonDocument optionsDocument =
        parseJson(info.options ? info.options : "{}", memory, SAC_ERROR_INVALID_CONFIG, "info->options");
    Config options(optionsDocument.root(), memory);
    plan.flags = info.flags;
    plan.storage = storageType(info.precision, device);
    const PlanRequest request{inputs, outputs, options, plan.storage, biasRequest(info)};
    if (info.maxRecords > maximumRecords)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->maxRecords is %u, at most %u", info.maxRecords, maximumRecords);

    PlanBuilder builder(request, *model.weights, device, memory);
    model.module->build(builder);
    builder.finish();
    Graph& graph = builder.graph();
    const uint64_t workspaceBytes = planMemory(graph, !(info.flags & SAC_PLAN_NO_ALIASING_BIT));
    planBarriers(graph);

    plan.batch = builder.batch();
    plan.tensors = std::move(builder.tensors());
    // Inputs first, each in order. Not stable_partition, which takes its buffer from operator new.
    auto firstOutput = plan.tensors.begin();
    for (auto tensor = plan.tensors.begin(); tensor != plan.tensors.end(); ++tensor)
        if (!tensor->output)
            std::rotate(firstOutput++, tensor, tensor + 1);
    for (uint32_t i = 0; i < plan.tensors.size(); ++i)
        if (!plan.tensors[i].host)
            plan.boundTensors.push_back(i);
    std::sort(plan.boundTensors.begin(), plan.boundTensors.end(), [&](uint32_t a, uint32_t b) {
        return graph.tensor(plan.tensors[a].tensor).external < graph.tensor(plan.tensors[b].tensor).external;
    });

    struct Callback {
        SacProgressCallback function;
        void* userData;
    } callback{info.progress, info.progressUserData};
    Progress progress;
    const bool conditional = info.flags & SAC_PLAN_CONDITIONAL_BIT;
    progress.total = static_cast<uint32_t>(graph.nodes().size()) + conditional;
    if (info.progress) {
        progress.userData = &callback;
        progress.proceed = [](void* data, uint32_t done, uint32_t total) {
            const Callback& c = *static_cast<Callback*>(data);
            return c.function(c.userData, done, total) != VK_FALSE;
        };
    }
    const uint32_t records = info.maxRecords ? info.maxRecords : defaultRecords;
    plan.upload.compile(graph, Phase::upload, 1, records, progress);
    plan.run.compile(graph, Phase::run, plan.batch, records, progress);
    if (conditional)
        plan.gate.compile(plan.run.dispatchCount(), records, progress);
    setMemory(plan, graph, placeCommands(plan, graph, placeValues(plan, graph, workspaceBytes)));
    listMemoryParts(plan, graph);
    setProperties(plan, graph, builder.biasReport());
    logBias(context.log, info.name ? info.name : model.type->name, builder.biasReport(), request.bias);
}

} // namespace

extern "C" SAC_API SacResult sacCreatePlan(SacModel model, const SacPlanInfo* info, SacPlan* plan, SacError* error) {
    if (plan)
        *plan = nullptr;
    return guarded(error, model ? &model->context->log : nullptr, [&] {
        require(model, "model");
        SAC_REQUIRE_STRUCTURE(info, SAC_STRUCTURE_TYPE_PLAN_INFO);
        require(plan, "plan");
        requireFlags(info->flags, SAC_PLAN_NO_ALIASING_BIT | SAC_PLAN_CONDITIONAL_BIT, "info->flags");
        UniquePtr<SacPlan_T> created = makeUnique<SacPlan_T>(&model->context->memory, model);
        initialize(*created, *info);
        model->planCount.fetch_add(1);
        *plan = created.release();
    });
}

extern "C" SAC_API void sacDestroyPlan(SacPlan plan) {
    if (!plan)
        return;
    SacModel model = plan->model;
    destroy(&model->context->memory, plan);
    model->planCount.fetch_sub(1);
}

extern "C" SAC_API SacResult sacGetPlanMemory(SacPlan plan, SacMemoryKind kind, SacMemoryRequirements* requirements,
                                              SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        require(requirements, "requirements");
        if (static_cast<uint32_t>(kind) >= SAC_MEMORY_KIND_COUNT)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "kind is %d, no SacMemoryKind", static_cast<int>(kind));
        *requirements = plan->memory[static_cast<size_t>(kind)];
    });
}

extern "C" SAC_API SacResult sacGetPlanTensors(SacPlan plan, uint32_t* count, SacTensorInfo* infos, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        require(count, "count");
        const uint32_t total = static_cast<uint32_t>(plan->tensors.size());
        if (infos && *count < total)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "*count is %u, the plan has %u tensors", *count, total);
        *count = total;
        if (!infos)
            return;
        for (uint32_t i = 0; i < total; ++i) {
            const PlanTensor& tensor = plan->tensors[i];
            SacTensorInfo& out = infos[i];
            out = SacTensorInfo{};
            out.name = tensor.name.c_str();
            out.flags = tensor.output ? SAC_TENSOR_OUTPUT_BIT : SAC_TENSOR_INPUT_BIT;
            if (tensor.host)
                out.flags |= SAC_TENSOR_HOST_BIT;
            out.dataType = publicType(tensor.type);
            out.layout = tensor.channelsLast ? SAC_LAYOUT_CHANNELS_LAST : SAC_LAYOUT_CONTIGUOUS;
            out.rank = static_cast<uint32_t>(tensor.shape.size());
            std::copy(tensor.shape.begin(), tensor.shape.end(), out.shape);
            out.imageCount = tensor.imageCount;
            out.size = tensor.bytes();
        }
    });
}

extern "C" SAC_API SacResult sacGetPlanProperties(SacPlan plan, SacPlanProperties* properties, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        SAC_REQUIRE_STRUCTURE(properties, SAC_STRUCTURE_TYPE_PLAN_PROPERTIES);
        *properties = plan->properties;
    });
}
