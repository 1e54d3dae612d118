// SPDX-License-Identifier: Apache-2.0
#include "attention_pass.hpp"

#include <stdexcept>
#include <string>

#include "sizes.hpp"

namespace frame {
namespace {

// The plan's tensors have the order of its description: inputs, then outputs.
enum : uint32_t { xTensor, yTensor, extraTensor, tensorCount };

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

// Into its layout, for a run to write all of it: the library leaves layouts alone.
void discard(VkCommandBuffer commandBuffer, const Image& image) {
    VkImageMemoryBarrier info{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
    info.dstAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
    info.oldLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    info.newLayout = image.layout;
    info.srcQueueFamilyIndex = info.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    info.image = image.handle;
    info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0,
                         0, nullptr, 0, nullptr, 1, &info);
}

} // namespace

DeviceWishes attentionWishes(VkInstance instance, VkPhysicalDevice physicalDevice) {
    const SacDeviceSupport support = querySupport(instance, physicalDevice);
    return {{support.extensions, support.extensions + support.extensionCount},
            support.storageBuffer16BitAccess == VK_TRUE};
}

AttentionPass::AttentionPass(Engine& engine, const std::vector<char>& model, const std::vector<Image>& inputs,
                             const char* extra)
    : engine_(engine), extra_(extra) {
    SacContextInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
    info.apiVersion = SAC_VERSION;
    info.getInstanceProcAddr = vkGetInstanceProcAddr;
    info.instance = engine.instance();
    info.physicalDevice = engine.physicalDevice();
    info.device = engine.device();
    info.enabledFeatures = querySupport(engine.instance(), engine.physicalDevice()).features;
    SacError error;
    succeed(sacCreateContext(&info, &context_, &error), error);
    createPlan(model, inputs[0], inputs.size());
    createMemory();
    for (const Image& input : inputs)
        slots_.push_back(createSlot(input));
}

AttentionPass::~AttentionPass() {
    sacDestroyPlan(plan_);
    sacDestroyModel(model_);
    sacDestroyContext(context_);
}

void AttentionPass::createPlan(const std::vector<char>& model, const Image& input, size_t runs) {
    SacError error;
    SacModelInfo modelInfo{};
    modelInfo.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    modelInfo.data = model.data();
    modelInfo.size = model.size();
    succeed(sacCreateModel(context_, &modelInfo, &model_, &error), error);

    const SacImageDesc image{SAC_STRUCTURE_TYPE_IMAGE_DESC, nullptr, input.format, 4, cellSize};
    SacTensorDesc x{};
    x.sType = SAC_STRUCTURE_TYPE_TENSOR_DESC;
    x.name = "x";
    x.rank = 4;
    x.shape[0] = 1;
    x.shape[1] = uint64_t(4) * cellSize * cellSize;
    x.shape[2] = input.extent.height / cellSize;
    x.shape[3] = input.extent.width / cellSize;
    x.imageCount = 1;
    x.images = &image;
    SacTensorDesc outputs[2]{};
    outputs[0].sType = outputs[1].sType = SAC_STRUCTURE_TYPE_TENSOR_DESC;
    outputs[0].name = "y";
    outputs[0].imageCount = 1;
    outputs[0].images = &image;
    outputs[1].name = extra_;
    SacPlanInfo planInfo{};
    planInfo.sType = SAC_STRUCTURE_TYPE_PLAN_INFO;
    planInfo.inputCount = 1;
    planInfo.inputs = &x;
    planInfo.outputCount = 2;
    planInfo.outputs = outputs;
    planInfo.maxRunsInFlight = static_cast<uint32_t>(runs);
    succeed(sacCreatePlan(model_, &planInfo, &plan_, &error), error);
    properties_.sType = SAC_STRUCTURE_TYPE_PLAN_PROPERTIES;
    succeed(sacGetPlanProperties(plan_, &properties_, &error), error);
}

void AttentionPass::createMemory() {
    SacError error;
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
        SacMemoryRequirements need{};
        need.sType = SAC_STRUCTURE_TYPE_MEMORY_REQUIREMENTS;
        succeed(sacGetPlanMemory(plan_, static_cast<SacMemoryKind>(kind), &need, &error), error);
        if (need.size)
            memory_[kind] =
                engine_.createBuffer(need.size, need.usage, kind == SAC_MEMORY_STAGING, need.memoryTypeBits);
    }
}

AttentionPass::Slot AttentionPass::createSlot(const Image& input) {
    uint32_t count = tensorCount;
    SacTensorInfo tensors[tensorCount]{};
    for (SacTensorInfo& tensor : tensors)
        tensor.sType = SAC_STRUCTURE_TYPE_TENSOR_INFO;
    SacError error;
    succeed(sacGetPlanTensors(plan_, &count, tensors, &error), error);
    Slot slot;
    slot.x = input;
    slot.y =
        engine_.createImage(input.extent.width, input.format,
                            VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                            VK_IMAGE_LAYOUT_GENERAL);
    slot.extra = engine_.createBuffer(tensors[extraTensor].size,
                                      VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT, false);
    return slot;
}

void AttentionPass::upload(const Queue& queue) {
    SacUploadInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO;
    info.weights = range(SAC_MEMORY_WEIGHTS);
    info.tables = range(SAC_MEMORY_TABLES);
    info.workspace = range(SAC_MEMORY_WORKSPACE);
    info.parameters = range(SAC_MEMORY_PARAMETERS);
    info.staging = range(SAC_MEMORY_STAGING);
    SacError error;
    succeed(sacWriteWeights(plan_, 0, info.staging.size, memory_[SAC_MEMORY_STAGING].data, &error), error);
    engine_.submit(queue, [&](VkCommandBuffer commandBuffer) {
        succeed(sacCmdUpload(plan_, commandBuffer, &info, &error), error);
        barrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    });
}

void AttentionPass::record(VkCommandBuffer commandBuffer, uint32_t index) const {
    const Slot& slot = slots_[index];
    discard(commandBuffer, slot.y);
    const SacImageBinding x{SAC_STRUCTURE_TYPE_IMAGE_BINDING, nullptr, slot.x.view, slot.x.layout};
    const SacImageBinding y{SAC_STRUCTURE_TYPE_IMAGE_BINDING, nullptr, slot.y.view, slot.y.layout};
    SacTensorBinding bindings[tensorCount]{};
    for (uint32_t i = 0; i < tensorCount; ++i) {
        bindings[i].sType = SAC_STRUCTURE_TYPE_TENSOR_BINDING;
        bindings[i].tensor = i;
    }
    bindings[xTensor].imageCount = bindings[yTensor].imageCount = 1;
    bindings[xTensor].images = &x;
    bindings[yTensor].images = &y;
    bindings[extraTensor].buffer = {slot.extra.handle, 0, slot.extra.size};
    SacRunInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_RUN_INFO;
    info.weights = range(SAC_MEMORY_WEIGHTS);
    info.tables = range(SAC_MEMORY_TABLES);
    info.workspace = range(SAC_MEMORY_WORKSPACE);
    info.parameters = range(SAC_MEMORY_PARAMETERS);
    info.state = range(SAC_MEMORY_STATE);
    info.bindingCount = tensorCount;
    info.bindings = bindings;
    SacError error;
    succeed(sacCmdRun(plan_, commandBuffer, &info, &error), error);
}

} // namespace frame
