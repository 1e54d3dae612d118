#include "attention_pass.hpp"

#include <stdexcept>

namespace frame {
namespace {

void succeed(SacResult result, const SacError& error) {
    if (result != SAC_SUCCESS)
        throw std::runtime_error(std::string(sacResultString(result)) + ": " + error.message);
}

SacDeviceSupport querySupport(VkInstance instance, VkPhysicalDevice physicalDevice) {
    SacDeviceQuery query{};
    query.sType = SAC_STRUCTURE_TYPE_DEVICE_QUERY;
    query.getInstanceProcAddr = vkGetInstanceProcAddr;
    query.instance = instance;
    query.physicalDevice = physicalDevice;
    SacDeviceSupport support{};
    support.sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
    SacError error;
    succeed(sacQueryDevice(&query, &support, &error), error);
    if (!support.supported)
        throw std::runtime_error(support.reason);
    return support;
}

} // namespace

DeviceWishes attentionWishes(VkInstance instance, VkPhysicalDevice physicalDevice) {
    const SacDeviceSupport support = querySupport(instance, physicalDevice);
    return {{support.extensions, support.extensions + support.extensionCount}, support.storageBuffer16BitAccess == VK_TRUE};
}

AttentionPass::AttentionPass(Engine& engine, const std::vector<char>& model, const Buffer& input, uint32_t cells,
                             const std::vector<std::string>& outputs)
    : engine_(engine) {
    SacContextInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
    info.getInstanceProcAddr = vkGetInstanceProcAddr;
    info.instance = engine.instance();
    info.physicalDevice = engine.physicalDevice();
    info.device = engine.device();
    info.enabledFeatures = querySupport(engine.instance(), engine.physicalDevice()).features;
    SacError error;
    succeed(sacCreateContext(&info, &context_, &error), error);
    createPlan(model, cells, outputs);
    createMemory(input);
}

AttentionPass::~AttentionPass() {
    sacDestroyPlan(plan_);
    sacDestroyModel(model_, nullptr);
    sacDestroyContext(context_, nullptr);
}

void AttentionPass::createPlan(const std::vector<char>& model, uint32_t cells, const std::vector<std::string>& outputs) {
    SacError error;
    SacModelInfo modelInfo{};
    modelInfo.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    modelInfo.data = model.data();
    modelInfo.size = model.size();
    succeed(sacCreateModel(context_, &modelInfo, &model_, &error), error);

    SacTensorDesc x{};
    x.name = "x";
    x.rank = 4;
    x.shape[0] = 1;
    x.shape[1] = 64;
    x.shape[2] = x.shape[3] = cells;
    std::vector<SacTensorDesc> wanted(outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i)
        wanted[i].name = outputs[i].c_str();
    SacPlanInfo planInfo{};
    planInfo.sType = SAC_STRUCTURE_TYPE_PLAN_INFO;
    planInfo.inputCount = 1;
    planInfo.inputs = &x;
    planInfo.outputCount = static_cast<uint32_t>(wanted.size());
    planInfo.outputs = wanted.data();
    succeed(sacCreatePlan(model_, &planInfo, &plan_, &error), error);
    properties_.sType = SAC_STRUCTURE_TYPE_PLAN_PROPERTIES;
    succeed(sacGetPlanProperties(plan_, &properties_, &error), error);

    uint32_t count = 0;
    succeed(sacGetPlanTensors(plan_, &count, nullptr, &error), error);
    std::vector<SacTensorInfo> all(count);
    succeed(sacGetPlanTensors(plan_, &count, all.data(), &error), error);
    tensors_.push_back(all[0]);
    for (const std::string& name : outputs)
        for (const SacTensorInfo& tensor : all)
            if (tensor.flags & SAC_TENSOR_OUTPUT_BIT && name == tensor.name)
                tensors_.push_back(tensor);
}

void AttentionPass::createMemory(const Buffer& input) {
    SacError error;
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
        SacMemoryRequirements need{};
        succeed(sacGetPlanMemory(plan_, static_cast<SacMemoryKind>(kind), &need, &error), error);
        if (need.size)
            memory_[kind] = engine_.createBuffer(need.size, need.usage, kind == SAC_MEMORY_STAGING, need.memoryTypeBits);
    }
    bindings_.push_back({tensors_[0].name, {input.handle, 0, input.size}});
    for (size_t i = 1; i < tensors_.size(); ++i) {
        outputs_.push_back(engine_.createBuffer(tensors_[i].size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, true));
        bindings_.push_back({tensors_[i].name, {outputs_.back().handle, 0, outputs_.back().size}});
    }
}

void AttentionPass::upload(VkCommandBuffer commandBuffer) {
    SacUploadInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO;
    info.weights = range(SAC_MEMORY_WEIGHTS);
    info.tables = range(SAC_MEMORY_TABLES);
    info.workspace = range(SAC_MEMORY_WORKSPACE);
    info.staging = range(SAC_MEMORY_STAGING);
    info.stagingData = memory_[SAC_MEMORY_STAGING].data;
    SacError error;
    succeed(sacCmdUpload(plan_, commandBuffer, &info, &error), error);
}

void AttentionPass::record(VkCommandBuffer commandBuffer) const {
    SacRunInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_RUN_INFO;
    info.weights = range(SAC_MEMORY_WEIGHTS);
    info.tables = range(SAC_MEMORY_TABLES);
    info.workspace = range(SAC_MEMORY_WORKSPACE);
    info.state = range(SAC_MEMORY_STATE);
    info.bindingCount = static_cast<uint32_t>(bindings_.size());
    info.bindings = bindings_.data();
    SacError error;
    succeed(sacCmdRun(plan_, commandBuffer, &info, &error), error);
}

} // namespace frame
