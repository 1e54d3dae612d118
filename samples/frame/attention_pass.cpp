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

AttentionPass::AttentionPass(Engine& engine, const std::vector<char>& model, const std::vector<Buffer>& inputs,
                             uint32_t cells, const std::vector<std::string>& outputs, bool hostVisible)
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
    createPlan(model, cells, outputs, inputs.size());
    createMemory();
    for (const Buffer& input : inputs)
        slots_.push_back(createSlot(input, hostVisible));
}

AttentionPass::~AttentionPass() {
    sacDestroyPlan(plan_);
    sacDestroyModel(model_, nullptr);
    sacDestroyContext(context_, nullptr);
}

void AttentionPass::createPlan(const std::vector<char>& model, uint32_t cells, const std::vector<std::string>& outputs,
                               size_t runs) {
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
    planInfo.maxRecords = static_cast<uint32_t>(runs);
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

void AttentionPass::createMemory() {
    SacError error;
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
        SacMemoryRequirements need{};
        succeed(sacGetPlanMemory(plan_, static_cast<SacMemoryKind>(kind), &need, &error), error);
        if (need.size)
            memory_[kind] = engine_.createBuffer(need.size, need.usage, kind == SAC_MEMORY_STAGING, need.memoryTypeBits);
    }
}

AttentionPass::Slot AttentionPass::createSlot(const Buffer& input, bool hostVisible) {
    Slot slot;
    slot.bindings.push_back({tensors_[0].name, {input.handle, 0, input.size}});
    for (size_t i = 1; i < tensors_.size(); ++i) {
        slot.outputs.push_back(engine_.createBuffer(tensors_[i].size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, hostVisible));
        slot.bindings.push_back({tensors_[i].name, {slot.outputs.back().handle, 0, slot.outputs.back().size}});
    }
    return slot;
}

void AttentionPass::upload(const Queue& queue) {
    SacUploadInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO;
    info.weights = range(SAC_MEMORY_WEIGHTS);
    info.tables = range(SAC_MEMORY_TABLES);
    info.workspace = range(SAC_MEMORY_WORKSPACE);
    info.staging = range(SAC_MEMORY_STAGING);
    info.stagingData = memory_[SAC_MEMORY_STAGING].data;
    engine_.submit(queue, [&](VkCommandBuffer commandBuffer) {
        SacError error;
        succeed(sacCmdUpload(plan_, commandBuffer, &info, &error), error);
        barrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    });
}

void AttentionPass::record(VkCommandBuffer commandBuffer, uint32_t slot) const {
    SacRunInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_RUN_INFO;
    info.weights = range(SAC_MEMORY_WEIGHTS);
    info.tables = range(SAC_MEMORY_TABLES);
    info.workspace = range(SAC_MEMORY_WORKSPACE);
    info.state = range(SAC_MEMORY_STATE);
    info.bindingCount = static_cast<uint32_t>(slots_[slot].bindings.size());
    info.bindings = slots_[slot].bindings.data();
    SacError error;
    succeed(sacCmdRun(plan_, commandBuffer, &info, &error), error);
}

} // namespace frame
