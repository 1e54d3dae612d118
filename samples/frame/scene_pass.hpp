// The engine's own work: draws the scene into an image, and hands the image over as a tensor.
#pragma once

#include "engine.hpp"

namespace frame {

class ScenePass {
public:
    /// `size`: pixels per side, a multiple of 4. `tensor` receives (1, 64, size / 4, size / 4) floats.
    ScenePass(Engine& engine, uint32_t size, const Buffer& tensor);
    ~ScenePass();
    ScenePass(const ScenePass&) = delete;
    ScenePass& operator=(const ScenePass&) = delete;

    /// Draws the scene at `time` seconds; the image ends in VK_IMAGE_LAYOUT_GENERAL, readable by compute and copies.
    void draw(VkCommandBuffer commandBuffer, float time);
    /// Pixel-unshuffles the image into the tensor.
    void unshuffle(VkCommandBuffer commandBuffer);
    /// Copies the image to `target`, 4 bytes a pixel.
    void read(VkCommandBuffer commandBuffer, const Buffer& target);
    /// Scales the image to `target`, of `size` pixels per side and in VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL.
    void blit(VkCommandBuffer commandBuffer, VkImage target, uint32_t size);

private:
    void createRenderPass();
    void createScenePipeline();
    void createUnshufflePipeline(const Buffer& tensor);

    Engine& engine_;
    uint32_t size_;
    Image image_;
    VkRenderPass renderPass_ = VK_NULL_HANDLE;
    VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
    VkPipelineLayout sceneLayout_ = VK_NULL_HANDLE, unshuffleLayout_ = VK_NULL_HANDLE;
    VkPipeline scene_ = VK_NULL_HANDLE, unshuffle_ = VK_NULL_HANDLE;
    VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    VkDescriptorSet set_ = VK_NULL_HANDLE;
};

} // namespace frame
