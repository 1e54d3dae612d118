#include "scene_pass.hpp"

#include "graphics_pipeline.hpp"
#include "shaders.hpp"

namespace frame {
namespace {

constexpr VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;

VkShaderModule module(Engine& engine, Shader shader) {
    const ShaderCode& code = shaderCode(shader);
    return engine.createShader(code.words, code.bytes);
}

} // namespace

ScenePass::ScenePass(Engine& engine, uint32_t size, const Buffer& tensor) : engine_(engine), size_(size) {
    image_ = engine.createImage(size, size, format,
                                VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_STORAGE_BIT |
                                    VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
    createRenderPass();
    createScenePipeline();
    createUnshufflePipeline(tensor);
}

ScenePass::~ScenePass() {
    const VkDevice device = engine_.device();
    vkDestroyDescriptorPool(device, pool_, nullptr);
    vkDestroyPipeline(device, unshuffle_, nullptr);
    vkDestroyPipelineLayout(device, unshuffleLayout_, nullptr);
    vkDestroyDescriptorSetLayout(device, setLayout_, nullptr);
    vkDestroyPipeline(device, scene_, nullptr);
    vkDestroyPipelineLayout(device, sceneLayout_, nullptr);
    vkDestroyFramebuffer(device, framebuffer_, nullptr);
    vkDestroyRenderPass(device, renderPass_, nullptr);
}

void ScenePass::createRenderPass() {
    VkAttachmentDescription color{};
    color.format = format;
    color.samples = VK_SAMPLE_COUNT_1_BIT;
    color.loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    color.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    color.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    color.finalLayout = VK_IMAGE_LAYOUT_GENERAL;
    const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass{};
    subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
    subpass.colorAttachmentCount = 1;
    subpass.pColorAttachments = &reference;
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

void ScenePass::createScenePipeline() {
    const VkPushConstantRange range{VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(float)};
    VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    layout.pushConstantRangeCount = 1;
    layout.pPushConstantRanges = &range;
    check(vkCreatePipelineLayout(engine_.device(), &layout, nullptr, &sceneLayout_), "vkCreatePipelineLayout");

    scene_ = createGraphicsPipeline(
        engine_, {Shader::sceneVertex, Shader::sceneFragment, sceneLayout_, renderPass_, size_, false});
}

void ScenePass::createUnshufflePipeline(const Buffer& tensor) {
    const VkDevice device = engine_.device();
    const VkDescriptorSetLayoutBinding bindings[] = {
        {0, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr},
        {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr}};
    VkDescriptorSetLayoutCreateInfo setInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    setInfo.bindingCount = 2;
    setInfo.pBindings = bindings;
    check(vkCreateDescriptorSetLayout(device, &setInfo, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");
    VkPipelineLayoutCreateInfo layout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    layout.setLayoutCount = 1;
    layout.pSetLayouts = &setLayout_;
    check(vkCreatePipelineLayout(device, &layout, nullptr, &unshuffleLayout_), "vkCreatePipelineLayout");
    VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = module(engine_, Shader::unshuffle);
    info.stage.pName = "main";
    info.layout = unshuffleLayout_;
    check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, nullptr, &unshuffle_), "vkCreateComputePipelines");

    const VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1}, {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1}};
    VkDescriptorPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    poolInfo.maxSets = 1;
    poolInfo.poolSizeCount = 2;
    poolInfo.pPoolSizes = sizes;
    check(vkCreateDescriptorPool(device, &poolInfo, nullptr, &pool_), "vkCreateDescriptorPool");
    VkDescriptorSetAllocateInfo allocation{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    allocation.descriptorPool = pool_;
    allocation.descriptorSetCount = 1;
    allocation.pSetLayouts = &setLayout_;
    check(vkAllocateDescriptorSets(device, &allocation, &set_), "vkAllocateDescriptorSets");
    const VkDescriptorImageInfo image{VK_NULL_HANDLE, image_.view, VK_IMAGE_LAYOUT_GENERAL};
    const VkDescriptorBufferInfo buffer{tensor.handle, 0, VK_WHOLE_SIZE};
    VkWriteDescriptorSet writes[2]{};
    for (uint32_t i = 0; i < 2; ++i) {
        writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
        writes[i].dstSet = set_;
        writes[i].dstBinding = i;
        writes[i].descriptorCount = 1;
        writes[i].descriptorType = bindings[i].descriptorType;
    }
    writes[0].pImageInfo = &image;
    writes[1].pBufferInfo = &buffer;
    vkUpdateDescriptorSets(device, 2, writes, 0, nullptr);
}

void ScenePass::draw(VkCommandBuffer commandBuffer, float time) {
    VkRenderPassBeginInfo begin{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
    begin.renderPass = renderPass_;
    begin.framebuffer = framebuffer_;
    begin.renderArea.extent = {size_, size_};
    vkCmdBeginRenderPass(commandBuffer, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_GRAPHICS, scene_);
    vkCmdPushConstants(commandBuffer, sceneLayout_, VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(time), &time);
    vkCmdDraw(commandBuffer, 3, 1, 0, 0);
    vkCmdEndRenderPass(commandBuffer);
}

void ScenePass::unshuffle(VkCommandBuffer commandBuffer) {
    vkCmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, unshuffle_);
    vkCmdBindDescriptorSets(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, unshuffleLayout_, 0, 1, &set_, 0, nullptr);
    vkCmdDispatch(commandBuffer, (size_ + 7) / 8, (size_ + 7) / 8, 1);
}

void ScenePass::read(VkCommandBuffer commandBuffer, const Buffer& target) {
    VkBufferImageCopy region{};
    region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.imageExtent = {size_, size_, 1};
    vkCmdCopyImageToBuffer(commandBuffer, image_.handle, VK_IMAGE_LAYOUT_GENERAL, target.handle, 1, &region);
}

void ScenePass::blit(VkCommandBuffer commandBuffer, VkImage target, uint32_t size) {
    VkImageBlit region{};
    region.srcSubresource = region.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.srcOffsets[1] = {static_cast<int32_t>(size_), static_cast<int32_t>(size_), 1};
    region.dstOffsets[1] = {static_cast<int32_t>(size), static_cast<int32_t>(size), 1};
    vkCmdBlitImage(commandBuffer, image_.handle, VK_IMAGE_LAYOUT_GENERAL, target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                   1, &region, VK_FILTER_LINEAR);
}

} // namespace frame
