// SPDX-License-Identifier: Apache-2.0
#include "swapchain.hpp"

#include <algorithm>
#include <stdexcept>

namespace frame {

Swapchain::Swapchain(Engine& engine, Window& window) : engine_(engine), window_(window) { chooseFormat(); }

Swapchain::~Swapchain() {
    destroySemaphores();
    vkDestroySwapchainKHR(engine_.device(), handle_, nullptr);
}

void Swapchain::destroySemaphores() {
    for (VkSemaphore semaphore : presentable_)
        vkDestroySemaphore(engine_.device(), semaphore, nullptr);
    presentable_.clear();
}

// 8-bit and without conversion, as the scene is.
void Swapchain::chooseFormat() {
    uint32_t count = 0;
    check(vkGetPhysicalDeviceSurfaceFormatsKHR(engine_.physicalDevice(), window_.surface(), &count, nullptr),
          "vkGetPhysicalDeviceSurfaceFormatsKHR");
    std::vector<VkSurfaceFormatKHR> formats(count);
    check(vkGetPhysicalDeviceSurfaceFormatsKHR(engine_.physicalDevice(), window_.surface(), &count, formats.data()),
          "vkGetPhysicalDeviceSurfaceFormatsKHR");
    for (VkFormat wanted : {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM})
        for (const VkSurfaceFormatKHR& format : formats)
            if (format.format == wanted && format.colorSpace == VK_COLOR_SPACE_SRGB_NONLINEAR_KHR) {
                format_ = format;
                return;
            }
    throw std::runtime_error("the window's surface has neither VK_FORMAT_B8G8R8A8_UNORM nor VK_FORMAT_R8G8B8A8_UNORM");
}

bool Swapchain::recreate() {
    if (!window_.waitForArea())
        return false;
    check(vkDeviceWaitIdle(engine_.device()), "vkDeviceWaitIdle");
    VkSurfaceCapabilitiesKHR surface;
    check(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(engine_.physicalDevice(), window_.surface(), &surface),
          "vkGetPhysicalDeviceSurfaceCapabilitiesKHR");
    if (!(surface.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_DST_BIT))
        throw std::runtime_error("the window's surface cannot be copied to");
    windowExtent_ = window_.extent();
    extent_ = surface.currentExtent;
    if (extent_.width == UINT32_MAX) // the swapchain decides
        extent_ = {std::clamp(windowExtent_.width, surface.minImageExtent.width, surface.maxImageExtent.width),
                   std::clamp(windowExtent_.height, surface.minImageExtent.height, surface.maxImageExtent.height)};
    if (!extent_.width || !extent_.height)
        return true; // minimised since: acquire() comes back here

    readable_ = surface.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    const VkSwapchainKHR old = handle_;
    VkSwapchainCreateInfoKHR info{VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR};
    info.surface = window_.surface();
    info.minImageCount =
        std::max(surface.minImageCount, std::min(3u, surface.maxImageCount ? surface.maxImageCount : 3u));
    info.imageFormat = format_.format;
    info.imageColorSpace = format_.colorSpace;
    info.imageExtent = extent_;
    info.imageArrayLayers = 1;
    info.imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    if (readable_)
        info.imageUsage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    info.preTransform = surface.currentTransform;
    info.compositeAlpha = surface.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                              ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                              : VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR;
    info.presentMode = VK_PRESENT_MODE_FIFO_KHR;
    info.clipped = VK_FALSE; // a screenshot has what other windows cover as well
    info.oldSwapchain = old;
    handle_ = VK_NULL_HANDLE;
    const VkResult result = vkCreateSwapchainKHR(engine_.device(), &info, nullptr, &handle_);
    vkDestroySwapchainKHR(engine_.device(), old, nullptr);
    check(result, "vkCreateSwapchainKHR");
    createImages();
    stale_ = false;
    return true;
}

void Swapchain::createImages() {
    uint32_t count = 0;
    check(vkGetSwapchainImagesKHR(engine_.device(), handle_, &count, nullptr), "vkGetSwapchainImagesKHR");
    images_.resize(count);
    check(vkGetSwapchainImagesKHR(engine_.device(), handle_, &count, images_.data()), "vkGetSwapchainImagesKHR");
    destroySemaphores();
    presentable_.resize(count);
    const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    for (VkSemaphore& semaphore : presentable_)
        check(vkCreateSemaphore(engine_.device(), &info, nullptr, &semaphore), "vkCreateSemaphore");
}

std::optional<uint32_t> Swapchain::acquire(VkSemaphore acquired) {
    for (;;) {
        // Not every window system says that a size is out of date.
        const VkExtent2D now = window_.extent();
        if (stale_ || now.width != windowExtent_.width || now.height != windowExtent_.height) {
            stale_ = true;
            if (!recreate())
                return std::nullopt;
            if (stale_)
                continue;
        }
        uint32_t index = 0;
        const VkResult result =
            vkAcquireNextImageKHR(engine_.device(), handle_, UINT64_MAX, acquired, VK_NULL_HANDLE, &index);
        if (result == VK_ERROR_OUT_OF_DATE_KHR) {
            stale_ = true;
            continue;
        }
        if (result != VK_SUBOPTIMAL_KHR)
            check(result, "vkAcquireNextImageKHR");
        return index;
    }
}

void Swapchain::present(uint32_t index) {
    VkPresentInfoKHR info{VK_STRUCTURE_TYPE_PRESENT_INFO_KHR};
    info.waitSemaphoreCount = 1;
    info.pWaitSemaphores = &presentable_[index];
    info.swapchainCount = 1;
    info.pSwapchains = &handle_;
    info.pImageIndices = &index;
    const VkResult result = vkQueuePresentKHR(engine_.queue().handle, &info);
    stale_ = result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR;
    if (!stale_)
        check(result, "vkQueuePresentKHR");
}

} // namespace frame
