// SPDX-License-Identifier: Apache-2.0
// The engine's own work: draws the scene, and beside it what attention reads.
#pragma once

#include "engine.hpp"

namespace frame {

class ScenePass {
public:
    /// `size`: pixels per side.
    ScenePass(Engine& engine, uint32_t size);
    ~ScenePass();
    ScenePass(const ScenePass&) = delete;
    ScenePass& operator=(const ScenePass&) = delete;

    /// Draws the scene at `time` seconds: both images end in their layouts, readable by copies and by compute shaders.
    void draw(VkCommandBuffer commandBuffer, float time);
    /// Scales the picture to `target`, of `size` pixels per side and in VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL.
    void blit(VkCommandBuffer commandBuffer, VkImage target, uint32_t size);

    /// The picture, of 4 bytes a pixel.
    const Image& image() const { return image_; }
    /// Colour and distance less 0.5.
    const Image& features() const { return features_; }

private:
    void createRenderPass();
    void createPipeline();

    Engine& engine_;
    uint32_t size_;
    Image image_, features_;
    VkRenderPass renderPass_ = VK_NULL_HANDLE;
    VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipeline pipeline_ = VK_NULL_HANDLE;
};

} // namespace frame
