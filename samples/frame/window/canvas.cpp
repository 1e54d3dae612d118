// SPDX-License-Identifier: Apache-2.0
#include "canvas.hpp"

#include "../graphics_pipeline.hpp"
#include "../sizes.hpp"
#include "image_barrier.hpp"

namespace frame {
namespace {

constexpr uint32_t groups = 4;
constexpr VkShaderStageFlags bothStages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;

/// The overlays' push constants, per side: keys, and pixels of the picture.
struct Push {
    uint32_t keys;
    float side;
};

} // namespace

Canvas::Canvas(Engine& engine, FramesInFlight& frames) : engine_(engine), frames_(frames), size_(frameSize * zoom) {
    image_ = engine.createImage(size_, format,
                                VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT |
                                    VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                                VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    createRenderPass();
    createDescriptorSets();
    createPipelines();
}

Canvas::~Canvas() {
    const VkDevice device = engine_.device();
    for (VkPipeline pipeline : {shade_, points_, output_})
        vkDestroyPipeline(device, pipeline, nullptr);
    vkDestroyPipelineLayout(device, layout_, nullptr);
    vkDestroyDescriptorPool(device, pool_, nullptr);
    vkDestroyDescriptorSetLayout(device, setLayout_, nullptr);
    vkDestroySampler(device, sampler_, nullptr);
    vkDestroyFramebuffer(device, framebuffer_, nullptr);
    vkDestroyRenderPass(device, renderPass_, nullptr);
}

// From the scene's copy to the copy for the window; the view of the scene alone draws nothing in between.
void Canvas::createRenderPass() {
    VkAttachmentDescription color{};
    color.format = format;
    color.samples = VK_SAMPLE_COUNT_1_BIT;
    color.loadOp = VK_ATTACHMENT_LOAD_OP_LOAD;
    color.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    color.initialLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
    color.finalLayout = image_.layout;
    const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass{};
    subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
    subpass.colorAttachmentCount = 1;
    subpass.pColorAttachments = &reference;
    VkSubpassDependency dependencies[2]{};
    dependencies[0].srcSubpass = VK_SUBPASS_EXTERNAL;
    dependencies[0].srcStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT;
    dependencies[0].srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    dependencies[0].dstStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
    dependencies[0].dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
    dependencies[1].dstSubpass = VK_SUBPASS_EXTERNAL;
    dependencies[1].srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
    dependencies[1].srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
    dependencies[1].dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT;
    dependencies[1].dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT;
    VkRenderPassCreateInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO};
    info.attachmentCount = 1;
    info.pAttachments = &color;
    info.subpassCount = 1;
    info.pSubpasses = &subpass;
    info.dependencyCount = 2;
    info.pDependencies = dependencies;
    check(vkCreateRenderPass(engine_.device(), &info, nullptr, &renderPass_), "vkCreateRenderPass");

    VkFramebufferCreateInfo framebuffer{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO};
    framebuffer.renderPass = renderPass_;
    framebuffer.attachmentCount = 1;
    framebuffer.pAttachments = &image_.view;
    framebuffer.width = framebuffer.height = size_;
    framebuffer.layers = 1;
    check(vkCreateFramebuffer(engine_.device(), &framebuffer, nullptr, &framebuffer_), "vkCreateFramebuffer");
}

// Of each slot: y and vgrid, as attention leaves them.
void Canvas::createDescriptorSets() {
    const VkDevice device = engine_.device();
    VkSamplerCreateInfo samplerInfo{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
    samplerInfo.magFilter = samplerInfo.minFilter = VK_FILTER_LINEAR;
    samplerInfo.addressModeU = samplerInfo.addressModeV = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE;
    check(vkCreateSampler(device, &samplerInfo, nullptr, &sampler_), "vkCreateSampler");
    const VkDescriptorSetLayoutBinding bindings[] = {
        {0, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, bothStages, &sampler_},
        {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, bothStages, nullptr}};
    VkDescriptorSetLayoutCreateInfo layoutInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    layoutInfo.bindingCount = 2;
    layoutInfo.pBindings = bindings;
    check(vkCreateDescriptorSetLayout(device, &layoutInfo, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");

    const VkDescriptorPoolSize poolSizes[] = {{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, frames_.count()},
                                              {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, frames_.count()}};
    VkDescriptorPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    poolInfo.maxSets = frames_.count();
    poolInfo.poolSizeCount = 2;
    poolInfo.pPoolSizes = poolSizes;
    check(vkCreateDescriptorPool(device, &poolInfo, nullptr, &pool_), "vkCreateDescriptorPool");
    const std::vector<VkDescriptorSetLayout> layouts(frames_.count(), setLayout_);
    VkDescriptorSetAllocateInfo allocation{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    allocation.descriptorPool = pool_;
    allocation.descriptorSetCount = frames_.count();
    allocation.pSetLayouts = layouts.data();
    sets_.resize(frames_.count());
    check(vkAllocateDescriptorSets(device, &allocation, sets_.data()), "vkAllocateDescriptorSets");
    for (uint32_t slot = 0; slot < frames_.count(); ++slot) {
        const Image& y = frames_.attention().y(slot);
        const VkDescriptorImageInfo image{VK_NULL_HANDLE, y.view, y.layout};
        const VkDescriptorBufferInfo buffer{frames_.attention().extra(slot).handle, 0, VK_WHOLE_SIZE};
        VkWriteDescriptorSet writes[2]{};
        for (uint32_t i = 0; i < 2; ++i) {
            writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
            writes[i].dstSet = sets_[slot];
            writes[i].dstBinding = i;
            writes[i].descriptorCount = 1;
            writes[i].descriptorType = bindings[i].descriptorType;
        }
        writes[0].pImageInfo = &image;
        writes[1].pBufferInfo = &buffer;
        vkUpdateDescriptorSets(device, 2, writes, 0, nullptr);
    }
}

void Canvas::createPipelines() {
    const VkPushConstantRange range{bothStages, 0, sizeof(Push)};
    VkPipelineLayoutCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    info.setLayoutCount = 1;
    info.pSetLayouts = &setLayout_;
    info.pushConstantRangeCount = 1;
    info.pPushConstantRanges = &range;
    check(vkCreatePipelineLayout(engine_.device(), &info, nullptr, &layout_), "vkCreatePipelineLayout");
    const auto pipeline = [&](Shader vertex, Shader fragment, bool blend) {
        return createGraphicsPipeline(engine_, {vertex, fragment, layout_, renderPass_, size_, blend});
    };
    shade_ = pipeline(Shader::sceneVertex, Shader::shadeFragment, true);
    points_ = pipeline(Shader::pointsVertex, Shader::pointsFragment, true);
    output_ = pipeline(Shader::sceneVertex, Shader::outputFragment, false);
}

void Canvas::drawOverlay(VkCommandBuffer commandBuffer, VkPipeline pipeline, uint32_t vertices,
                         uint32_t instances) const {
    const Push push{keys, static_cast<float>(size_)};
    vkCmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdPushConstants(commandBuffer, layout_, bothStages, 0, sizeof(push), &push);
    vkCmdDraw(commandBuffer, vertices, instances, 0, 0);
}

void Canvas::draw(VkCommandBuffer commandBuffer, uint32_t slot, View view) {
    changeLayout(commandBuffer, image_.handle, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    frames_.scene(slot).blit(commandBuffer, image_.handle, size_);
    VkRenderPassBeginInfo begin{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
    begin.renderPass = renderPass_;
    begin.framebuffer = framebuffer_;
    begin.renderArea.extent = {size_, size_};
    vkCmdBeginRenderPass(commandBuffer, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindDescriptorSets(commandBuffer, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &sets_[slot], 0, nullptr);
    if (view == View::points) {
        drawOverlay(commandBuffer, shade_, 3, 1);
        drawOverlay(commandBuffer, points_, 6, groups * keys * keys);
    } else if (view == View::output) {
        drawOverlay(commandBuffer, output_, 3, 1);
    }
    vkCmdEndRenderPass(commandBuffer);
}

} // namespace frame
