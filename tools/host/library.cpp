// SPDX-License-Identifier: Apache-2.0
#include "host/library.hpp"

#include <stdexcept>

#include "host/errors.hpp"

namespace saccade::host {

namespace {

const char* orNull(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

SacTensorDesc describeInput(const std::string& name, const Tensor& tensor) {
    if (tensor.shape.size() > SAC_MAX_RANK)
        throw std::invalid_argument("input \"" + name + "\" has more than " + std::to_string(SAC_MAX_RANK) +
                                    " dimensions");
    SacTensorDesc desc = sac::make<SacTensorDesc>();
    desc.name = name.c_str();
    desc.dataType = libraryType(tensor.type, name);
    desc.rank = static_cast<uint32_t>(tensor.shape.size());
    for (std::size_t i = 0; i < tensor.shape.size(); ++i)
        desc.shape[i] = tensor.shape[i];
    // Which inputs are read at plan creation the module decides; integers and booleans are all it can be.
    if (!isFloatingPoint(tensor.type)) {
        desc.hostData = tensor.data.data();
        desc.hostDataSize = tensor.data.size();
    }
    return desc;
}

SacTensorDesc describeOutput(const OutputRequest& output) {
    SacTensorDesc desc = sac::make<SacTensorDesc>();
    desc.name = output.name.c_str();
    desc.dataType = output.dataType;
    desc.layout = output.layout;
    return desc;
}

} // namespace

Context::Context(const Device& device, LogSink log, const VkAllocationCallbacks* allocator,
                 PFN_vkGetInstanceProcAddr load)
    : device_(device), log_(std::move(log)) {
    SacContextInfo info = sac::make<SacContextInfo>();
    info.getInstanceProcAddr = load;
    info.instance = device.instance().handle();
    info.physicalDevice = device.physical().handle;
    info.device = device.handle();
    info.enabledFeatures = device.features();
    info.pipelineCache = device.pipelineCache();
    info.profile = device.profile();
    info.allocator = allocator;
    if (log_) {
        info.log = [](void* user, SacLogSeverity severity, const char* message) {
            (*static_cast<const LogSink*>(user))(severity, message);
        };
        info.logUserData = &log_;
    }
    SacError error{};
    checkLibrary(sacCreateContext(&info, &handle_, &error), error);
}

Context::~Context() { sacDestroyContext(handle_); }

Model::Model(Context& context, const ModelSource& source) : context_(context) {
    SacModelInfo info = sac::make<SacModelInfo>();
    info.data = source.bytes.data();
    info.size = source.bytes.size();
    info.module = orNull(source.module);
    info.config = orNull(source.config);
    info.weightPrefix = source.weightPrefix ? source.weightPrefix->c_str() : nullptr;
    SacError error{};
    checkLibrary(sacCreateModel(context.handle(), &info, &handle_, &error), error);
}

Model::~Model() { sacDestroyModel(handle_); }

SacDataType libraryType(DataType type, const std::string& tensor) {
    switch (type) {
    case DataType::f32:
    case DataType::f64:
    case DataType::bf16:
        return SAC_DATA_TYPE_FLOAT32;
    case DataType::f16:
        return SAC_DATA_TYPE_FLOAT16;
    case DataType::i32:
        return SAC_DATA_TYPE_INT32;
    case DataType::i64:
        return SAC_DATA_TYPE_INT64;
    case DataType::u8:
        return SAC_DATA_TYPE_UINT8;
    case DataType::boolean:
        return SAC_DATA_TYPE_BOOL;
    default:
        throw std::invalid_argument("\"" + tensor + "\" is of type " + dataTypeName(type) +
                                    "; F32, F16, BF16, F64, I32, I64, U8 and BOOL can be handed over");
    }
}

DataType fileType(SacDataType type) {
    switch (type) {
    case SAC_DATA_TYPE_FLOAT16:
        return DataType::f16;
    case SAC_DATA_TYPE_INT32:
        return DataType::i32;
    case SAC_DATA_TYPE_INT64:
        return DataType::i64;
    case SAC_DATA_TYPE_UINT8:
        return DataType::u8;
    case SAC_DATA_TYPE_BOOL:
        return DataType::boolean;
    default:
        return DataType::f32;
    }
}

Plan::Plan(Model& model, const TensorMap& inputs, const PlanOptions& options) {
    std::vector<SacTensorDesc> inputDescs;
    for (const auto& [name, tensor] : inputs)
        inputDescs.push_back(describeInput(name, tensor));
    std::vector<SacTensorDesc> outputDescs;
    for (const OutputRequest& output : options.outputs)
        outputDescs.push_back(describeOutput(output));

    SacPlanInfo info = sac::make<SacPlanInfo>();
    info.flags = options.flags;
    info.inputCount = static_cast<uint32_t>(inputDescs.size());
    info.inputs = inputDescs.data();
    info.outputCount = static_cast<uint32_t>(outputDescs.size());
    info.outputs = outputDescs.data();
    info.options = orNull(options.options);
    info.precision = options.precision;
    info.pNext = &options.positionBias;
    info.maxRunsInFlight = options.maxRunsInFlight;
    if (options.progress) {
        info.progress = [](void* user, uint32_t done, uint32_t total) -> VkBool32 {
            return static_cast<const PlanOptions*>(user)->progress(done, total) ? VK_TRUE : VK_FALSE;
        };
        info.progressUserData = const_cast<PlanOptions*>(&options);
    }
    SacError error{};
    checkLibrary(sacCreatePlan(model.handle(), &info, &handle_, &error), error);
    try {
        query();
    } catch (...) {
        sacDestroyPlan(handle_);
        throw;
    }
}

Plan::~Plan() { sacDestroyPlan(handle_); }

std::vector<std::byte> Plan::writeMemoryParts(SacMemoryKind kind, std::span<const std::byte> data,
                                              const std::vector<std::string>& names) const {
    std::vector<const char*> pointers;
    for (const std::string& name : names)
        pointers.push_back(name.c_str());
    const auto count = static_cast<uint32_t>(pointers.size());
    SacError error{};
    std::size_t size = 0;
    checkLibrary(
        sacWriteMemoryParts(handle_, kind, data.data(), data.size(), count, pointers.data(), &size, nullptr, &error),
        error);
    std::vector<std::byte> file(size);
    checkLibrary(sacWriteMemoryParts(handle_, kind, data.data(), data.size(), count, pointers.data(), &size,
                                     file.data(), &error),
                 error);
    return file;
}

void Plan::query() {
    SacError error{};
    uint32_t count = 0;
    checkLibrary(sacGetPlanTensors(handle_, &count, nullptr, &error), error);
    tensors_.resize(count, sac::make<SacTensorInfo>());
    checkLibrary(sacGetPlanTensors(handle_, &count, tensors_.data(), &error), error);

    checkLibrary(sacGetPlanStages(handle_, &count, nullptr, &error), error);
    stages_.resize(count, sac::make<SacStageInfo>());
    checkLibrary(sacGetPlanStages(handle_, &count, stages_.data(), &error), error);
    checkLibrary(sacGetPlanMemoryParts(handle_, &count, nullptr, &error), error);
    memoryParts_.resize(count, sac::make<SacMemoryPart>());
    checkLibrary(sacGetPlanMemoryParts(handle_, &count, memoryParts_.data(), &error), error);

    properties_ = sac::make<SacPlanProperties>();
    positionBias_ = sac::make<SacPositionBiasProperties>();
    properties_.pNext = &positionBias_;
    checkLibrary(sacGetPlanProperties(handle_, &properties_, &error), error);
    properties_.pNext = nullptr; // the structure is handed on by value
    memory_.fill(sac::make<SacMemoryRequirements>());
    for (std::size_t kind = 0; kind < memory_.size(); ++kind)
        checkLibrary(sacGetPlanMemory(handle_, static_cast<SacMemoryKind>(kind), &memory_[kind], &error), error);
}

} // namespace saccade::host
