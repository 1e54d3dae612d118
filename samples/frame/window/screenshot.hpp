// SPDX-License-Identifier: Apache-2.0
// An image of the GPU as a PNG.
#pragma once

#include "../engine.hpp"

namespace frame {

class Screenshot {
public:
    /// Records the copy of an image of 8-bit channels in VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL. `bgr`: blue comes first.
    void record(Engine& engine, VkCommandBuffer commandBuffer, VkImage image, VkExtent2D extent, bool bgr);
    /// Once the commands are done. Throws std::runtime_error if nothing was recorded or the file cannot be written.
    void write(const std::string& path) const;

private:
    Buffer buffer_;
    VkExtent2D extent_{};
    bool bgr_ = false;
};

} // namespace frame
