// SPDX-License-Identifier: Apache-2.0
// The images of a window, made again whenever the window's size changes.
#pragma once

#include <optional>

#include "../engine.hpp"
#include "window.hpp"

namespace frame {

class Swapchain {
public:
    Swapchain(Engine& engine, Window& window);
    ~Swapchain();
    Swapchain(const Swapchain&) = delete;
    Swapchain& operator=(const Swapchain&) = delete;

    /// The next image's index, free once `acquired` is signalled. Nothing if the window is closed while it has no area.
    std::optional<uint32_t> acquire(VkSemaphore acquired);
    /// Once presentable(index) is signalled.
    void present(uint32_t index);

    VkImage image(uint32_t index) const { return images_[index]; }
    VkSemaphore presentable(uint32_t index) const { return presentable_[index]; }
    VkExtent2D extent() const { return extent_; }
    /// Whether images can be copied from.
    bool isReadable() const { return readable_; }
    /// Whether blue comes first in a pixel.
    bool isBgr() const { return format_.format == VK_FORMAT_B8G8R8A8_UNORM; }

private:
    void chooseFormat();
    bool recreate();
    void createImages();
    void destroySemaphores();

    Engine& engine_;
    Window& window_;
    VkSurfaceFormatKHR format_{};
    VkExtent2D extent_{}, windowExtent_{};
    bool readable_ = false, stale_ = true;
    VkSwapchainKHR handle_ = VK_NULL_HANDLE;
    std::vector<VkImage> images_;
    std::vector<VkSemaphore> presentable_; ///< of the images, as nothing else says when a present has used one
};

} // namespace frame
