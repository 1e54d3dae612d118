// SPDX-License-Identifier: Apache-2.0
// The one kind of graphics pipeline the sample takes.
#pragma once

#include "engine.hpp"
#include "shaders.hpp"

namespace frame {

struct GraphicsPipelineInfo {
    Shader vertex, fragment;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkRenderPass renderPass = VK_NULL_HANDLE;
    uint32_t size = 0;        ///< of the square target, in pixels
    bool blend = false;       ///< over what is there, by alpha
    uint32_t attachments = 1; ///< of colour
};

/// Triangles without vertex buffers or depth.
VkPipeline createGraphicsPipeline(Engine& engine, const GraphicsPipelineInfo& info);

} // namespace frame
