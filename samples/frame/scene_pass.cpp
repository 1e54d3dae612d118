// SPDX-License-Identifier: Apache-2.0
#include "scene_pass.hpp"

#include "graphics_pipeline.hpp"

namespace frame {

ScenePass::ScenePass(Engine& engine, uint32_t size) : engine_(engine), size_(size) {
    image_ = engine.createImage(size, VK_FORMAT_R8G8B8A8_UNORM,
                                VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                                VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    features_ = engine.createImage(size, VK_FORMAT_R16G16B16A16_SFLOAT,
                                   VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT,
                                   VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    createRenderPass();
    createPipeline();
}

ScenePass::~ScenePass() {
    const VkDevice device = engine_.device();
    vkDestroyPipeline(device, pipeline_, nullptr);
    vkDestroyPipelineLayout(device, layout_, nullptr);
    vkDestroyFramebuffer(device, framebuffer_, nullptr);
    vkDestroyRenderPass(device, renderPass_, nullptr);
}

void ScenePass::createRenderPass() {
    VkAttachmentDescription attachments[2]{};
    for (VkAttachmentDescription& attachment : attachments) {
        attachment.samples = VK_SAMPLE_COUNT_1_BIT;
        attachment.loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
        attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
        attachment.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    }
    attachments[0].format = image_.format;
    attachments[0].finalLayout = image_.layout;
    attachments[1].format = features_.format;
    attachments[1].finalLayout = features_.layout;
    const VkAttachmentReference references[] = {{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL},
                                                {1, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL}};
    VkSubpassDescription subpass{};
    subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
    subpass.colorAttachmentCount = 2;
    subpass.pColorAttachments = references;
    VkSubpassDependency dependencies[2]{};
    dependencies[0].srcSubpass = VK_SUBPASS_EXTERNAL;
    dependencies[0].srcStageMask = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    dependencies[0].dstStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
    dependencies[0].dstAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
    dependencies[1].dstSubpass = VK_SUBPASS_EXTERNAL;
    dependencies[1].srcStageMask = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
    dependencies[1].srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
    dependencies[1].dstStageMask = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    dependencies[1].dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
    VkRenderPassCreateInfo info{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO};
    info.attachmentCount = 2;
    info.pAttachments = attachments;
    info.subpassCount = 1;
    info.pSubpasses = &subpass;
    info.dependencyCount = 2;
    info.pDependencies = dependencies;
    check(vkCreateRenderPass(engine_.device(), &info, nullptr, &renderPass_), "vkCreateRenderPass");

    const VkImageView views[] = {image_.view, features_.view};
    VkFramebufferCreateInfo framebuffer{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO};
    framebuffer.renderPass = renderPass_;
    framebuffer.attachmentCount = 2;
    framebuffer.pAttachments = views;
    framebuffer.width = framebuffer.height = size_;
    framebuffer.layers = 1;
    check(vkCreateFramebuffer(engine_.device(), &framebuffer, nullptr, &framebuffer_), "vkCreateFramebuffer");
}

void ScenePass::createPipeline() {
    const VkPushConstantRange range{VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(float)};
    VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    layout.pushConstantRangeCount = 1;
    layout.pPushConstantRanges = &range;
    check(vkCreatePipelineLayout(engine_.device(), &layout, nullptr, &layout_), "vkCreatePipelineLayout");

    pipeline_ = createGraphicsPipeline(
        engine_, {Shader::sceneVertex, Shader::sceneFragment, layout_, renderPass_, size_, false, 2});
}

void ScenePass::draw(VkCommandBuffer commandBuffer, float time) {
    VkRenderPassBeginInfo begin{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
    begin.renderPass = renderPass_;
    begin.framebuffer = framebuffer_;
    begin.renderArea.extent = {size_, size_};
    vkCmdBeginRenderPass(commandBuffer, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
    vkCmdPushConstants(commandBuffer, layout_, VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(time), &time);
    vkCmdDraw(commandBuffer, 3, 1, 0, 0);
    vkCmdEndRenderPass(commandBuffer);
}

void ScenePass::blit(VkCommandBuffer commandBuffer, VkImage target, uint32_t size) {
    VkImageBlit region{};
    region.srcSubresource = region.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.srcOffsets[1] = {static_cast<int32_t>(size_), static_cast<int32_t>(size_), 1};
    region.dstOffsets[1] = {static_cast<int32_t>(size), static_cast<int32_t>(size), 1};
    vkCmdBlitImage(commandBuffer, image_.handle, image_.layout, target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                   &region, VK_FILTER_LINEAR);
}

} // namespace frame
