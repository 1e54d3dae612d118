// SPDX-License-Identifier: Apache-2.0
// What the window shows, at a size of its own: the scene enlarged, and over it what attention found.
#pragma once

#include "../frames_in_flight.hpp"
#include "../options.hpp"

namespace frame {

class Canvas {
public:
    static constexpr VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;

    Canvas(Engine& engine, FramesInFlight& frames);
    ~Canvas();
    Canvas(const Canvas&) = delete;
    Canvas& operator=(const Canvas&) = delete;

    /// Draws the picture of a slot's frame; the image ends in VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, readable by copies.
    void draw(VkCommandBuffer commandBuffer, uint32_t slot, View view);

    VkImage image() const { return image_.handle; }
    /// Pixels per side.
    uint32_t size() const { return size_; }

private:
    void createRenderPass();
    void createDescriptorSets();
    void createPipelines();
    void drawOverlay(VkCommandBuffer commandBuffer, VkPipeline pipeline, uint32_t vertices, uint32_t instances) const;

    Engine& engine_;
    FramesInFlight& frames_;
    uint32_t size_;
    Image image_;
    VkRenderPass renderPass_ = VK_NULL_HANDLE;
    VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
    VkSampler sampler_ = VK_NULL_HANDLE;
    VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    std::vector<VkDescriptorSet> sets_; ///< of the slots
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipeline shade_ = VK_NULL_HANDLE, points_ = VK_NULL_HANDLE, output_ = VK_NULL_HANDLE;
};

} // namespace frame
