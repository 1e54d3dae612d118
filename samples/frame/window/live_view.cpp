// SPDX-License-Identifier: Apache-2.0
#include "live_view.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "../headless.hpp"
#include "../sizes.hpp"
#include "canvas.hpp"
#include "image_barrier.hpp"
#include "screenshot.hpp"
#include "swapchain.hpp"

namespace frame {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t inFlight = 2;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

const char* viewName(View view) {
    return view == View::frame ? "the frame" : view == View::points ? "where the keys moved" : "the output";
}

EngineInfo engineInfo(const Options& options, const WindowSystem& system) {
    EngineInfo info;
    info.deviceName = options.device;
    info.wishes = attentionWishes;
    info.secondQueue = options.async;
    info.instanceExtensions = system.extensions();
    info.canPresent = WindowSystem::canPresent;
    return info;
}

class LiveView {
public:
    explicit LiveView(const Options& options);
    ~LiveView();
    LiveView(const LiveView&) = delete;
    LiveView& operator=(const LiveView&) = delete;

    void run();

private:
    bool show(uint32_t frame, bool isLast);
    void copyToWindow(VkCommandBuffer commandBuffer, VkImage target) const;
    void updateTitle(const FrameTimes& times);

    const Options& options_;
    WindowSystem system_;
    Engine engine_;
    FramesInFlight frames_;
    Window window_;
    Canvas canvas_;
    Swapchain swapchain_;
    Screenshot screenshot_;
    VkSemaphore acquired_[inFlight]{};
    Clock::time_point start_ = Clock::now(), titleTime_ = start_;
    uint32_t framesSinceTitle_ = 0;
};

LiveView::LiveView(const Options& options)
    : options_(options), engine_(engineInfo(options, system_)),
      frames_(engine_, readFile(options.model), inFlight, options.async),
      window_(engine_.instance(), frameSize * zoom, options.view), canvas_(engine_, frames_),
      swapchain_(engine_, window_) {
    const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    for (VkSemaphore& semaphore : acquired_)
        check(vkCreateSemaphore(engine_.device(), &info, nullptr, &semaphore), "vkCreateSemaphore");
}

LiveView::~LiveView() {
    vkDeviceWaitIdle(engine_.device());
    for (VkSemaphore semaphore : acquired_)
        vkDestroySemaphore(engine_.device(), semaphore, nullptr);
}

// A counted sequence shows the same frames whenever it runs; without a count the clock says what is shown.
void LiveView::run() {
    describe(engine_, frames_.attention(), options_.async);
    const uint32_t lag = options_.async ? 1 : 0; // frames that are begun but not yet shown
    bool open = true;
    for (uint32_t frame = 0; open; ++frame) {
        window_.pollEvents();
        const bool last = window_.isClosing() || frame + 1 == options_.frames;
        if (frame >= inFlight) {
            frames_.wait(frame);
            updateTitle(frames_.times(frame - inFlight));
        }
        frames_.begin(frame, options_.frames ? sceneTime(frame) : sceneTime(0) + float(secondsSince(start_)));
        if (frame >= lag)
            open = show(frame - lag, last && lag == 0);
        if (last && lag)
            open = open && show(frame, true);
        open = open && !last;
    }
    check(vkDeviceWaitIdle(engine_.device()), "vkDeviceWaitIdle");
    if (!options_.screenshot.empty()) {
        screenshot_.write(options_.screenshot);
        std::printf("wrote %s\n", options_.screenshot.c_str());
    }
}

// False if the window is gone.
bool LiveView::show(uint32_t frame, bool isLast) {
    const uint32_t slot = frames_.slot(frame);
    const auto index = swapchain_.acquire(acquired_[slot]);
    if (!index)
        return false;
    const VkImage target = swapchain_.image(*index);
    const bool shoot = isLast && !options_.screenshot.empty();
    const auto record = [&](VkCommandBuffer commandBuffer) {
        canvas_.draw(commandBuffer, slot, window_.view());
        changeLayout(commandBuffer, target, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
        copyToWindow(commandBuffer, target);
        VkImageLayout layout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
        if (shoot && swapchain_.isReadable()) {
            changeLayout(commandBuffer, target, layout, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
            layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
            screenshot_.record(engine_, commandBuffer, target, swapchain_.extent(), swapchain_.isBgr());
        } else if (shoot) {
            screenshot_.record(engine_, commandBuffer, canvas_.image(), {canvas_.size(), canvas_.size()}, false);
        }
        changeLayout(commandBuffer, target, layout, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
    };
    frames_.show(frame, record, {acquired_[slot], swapchain_.presentable(*index)});
    swapchain_.present(*index);
    return true;
}

// As large as fits, in the middle, with bars beside it.
void LiveView::copyToWindow(VkCommandBuffer commandBuffer, VkImage target) const {
    const VkExtent2D extent = swapchain_.extent();
    if (extent.width != extent.height) {
        const VkClearColorValue bars{{0.05f, 0.05f, 0.06f, 1.0f}};
        const VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
        vkCmdClearColorImage(commandBuffer, target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &bars, 1, &all);
        changeLayout(commandBuffer, target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    }
    const int32_t side = int32_t(std::min(extent.width, extent.height)), size = int32_t(canvas_.size());
    const int32_t x = (int32_t(extent.width) - side) / 2, y = (int32_t(extent.height) - side) / 2;
    VkImageBlit region{};
    region.srcSubresource = region.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.srcOffsets[1] = {size, size, 1};
    region.dstOffsets[0] = {x, y, 0};
    region.dstOffsets[1] = {x + side, y + side, 1};
    vkCmdBlitImage(commandBuffer, canvas_.image(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, target,
                   VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region, VK_FILTER_LINEAR);
}

// Twice a second, so that it can be read.
void LiveView::updateTitle(const FrameTimes& times) {
    ++framesSinceTitle_;
    const double seconds = secondsSince(titleTime_);
    if (seconds < 0.5)
        return;
    char title[160];
    std::snprintf(title, sizeof title,
                  "Saccade: %s | draw %.2f ms, attention %.2f ms, %.0f frames/s | 1 frame, 2 keys, 3 output",
                  viewName(window_.view()), times.draw, times.attention, framesSinceTitle_ / seconds);
    window_.setTitle(title);
    titleTime_ = Clock::now();
    framesSinceTitle_ = 0;
}

} // namespace

void runLive(const Options& options) {
    LiveView view(options);
    view.run();
}

} // namespace frame
