// SPDX-License-Identifier: Apache-2.0
#include "attention_pass.hpp"

#include <array>
#include <stdexcept>

#include "sizes.hpp"

namespace frame {
namespace {

// The plan's tensors have the order of its description: inputs, then outputs.
enum : uint32_t { xTensor, yTensor, extraTensor, tensorCount };

SacDeviceSupport querySupport(VkInstance instance, VkPhysicalDevice physicalDevice) {
    const SacDeviceSupport support = sac::queryDevice(vkGetInstanceProcAddr, instance, physicalDevice);
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
    SacContextInfo info = sac::make<SacContextInfo>();
    info.getInstanceProcAddr = vkGetInstanceProcAddr;
    info.instance = engine.instance();
    info.physicalDevice = engine.physicalDevice();
    info.device = engine.device();
    info.enabledFeatures = querySupport(engine.instance(), engine.physicalDevice()).features;
    context_ = sac::Context(info);
    model_ = sac::Model(context_, model);
    createPlan(inputs[0], inputs.size());
    createMemory();
    for (const Image& input : inputs)
        slots_.push_back(createSlot(input));
}

void AttentionPass::createPlan(const Image& input, size_t runs) {
    const std::vector<SacImageDesc> image = {sac::imageDesc(input.format, 4, cellSize)};
    sac::PlanBuilder builder;
    builder
        .input("x", {1, 4 * cellSize * cellSize, input.extent.height / cellSize, input.extent.width / cellSize}, image)
        .output("y", image)
        .output(extra_);
    builder.info.maxRunsInFlight = static_cast<uint32_t>(runs);
    plan_ = sac::Plan(model_, builder);
}

void AttentionPass::createMemory() {
    const auto needs = plan_.memory();
    for (size_t kind = 0; kind < needs.size(); ++kind) {
        if (!needs[kind].size)
            continue;
        const bool staging = kind == SAC_MEMORY_STAGING;
        const Buffer buffer =
            engine_.createBuffer(needs[kind].size, needs[kind].usage, staging, needs[kind].memoryTypeBits);
        memory_[kind] = {buffer.handle, 0, buffer.size};
        if (staging)
            staging_ = buffer.data;
    }
}

AttentionPass::Slot AttentionPass::createSlot(const Image& input) {
    Slot slot;
    slot.x = input;
    slot.y =
        engine_.createImage(input.extent.width, input.format,
                            VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                            VK_IMAGE_LAYOUT_GENERAL);
    slot.extra = engine_.createBuffer(plan_.tensors()[extraTensor].size,
                                      VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT, false);
    return slot;
}

void AttentionPass::upload(const Queue& queue) {
    plan_.writeWeights(staging_);
    engine_.submit(queue, [&](VkCommandBuffer commandBuffer) {
        plan_.cmdUpload(commandBuffer, sac::uploadInfo(memory_));
        barrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    });
}

void AttentionPass::record(VkCommandBuffer commandBuffer, uint32_t index) const {
    const Slot& slot = slots_[index];
    discard(commandBuffer, slot.y);
    const SacImageBinding x = sac::imageBinding(slot.x.view, slot.x.layout);
    const SacImageBinding y = sac::imageBinding(slot.y.view, slot.y.layout);
    std::array<SacTensorBinding, tensorCount> bindings;
    for (uint32_t i = 0; i < tensorCount; ++i) {
        bindings[i] = sac::make<SacTensorBinding>();
        bindings[i].tensor = i;
    }
    bindings[xTensor].imageCount = bindings[yTensor].imageCount = 1;
    bindings[xTensor].images = &x;
    bindings[yTensor].images = &y;
    bindings[extraTensor].buffer = {slot.extra.handle, 0, slot.extra.size};
    plan_.cmdRun(commandBuffer, sac::runInfo(memory_), bindings);
}

} // namespace frame
