// SPDX-License-Identifier: Apache-2.0
// Records a command buffer, submits it, waits for it and says how long it took.
#pragma once

#include <vulkan/vulkan.h>

#include <functional>

#include "host/device.hpp"

namespace saccade::host {

struct Timing {
    double gpuMilliseconds = 0;  ///< between two timestamps around what was recorded; NaN where the queue has none
    double hostMilliseconds = 0; ///< from submission to the end of the wait
};

/// Makes what compute and transfer wrote before visible to compute, transfer and the host after: the one barrier a
/// program needs that is not in a hurry.
void fullBarrier(VkCommandBuffer commandBuffer);

/// One command buffer, used again and again. One thread at a time.
class Submitter {
public:
    explicit Submitter(const Device& device);
    ~Submitter();
    Submitter(const Submitter&) = delete;
    Submitter& operator=(const Submitter&) = delete;

    /// Lets `record` fill the command buffer, submits and waits. What `record` throws passes through, and nothing is
    /// submitted. Throws DeviceError.
    Timing run(const std::function<void(VkCommandBuffer)>& record);

    /// Called about once a second during long waits.
    void onWait(std::function<void()> callback) { onWait_ = std::move(callback); }

private:
    double elapsedMilliseconds() const;
    void release() noexcept;

    const Device& device_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commandBuffer_ = VK_NULL_HANDLE;
    VkFence fence_ = VK_NULL_HANDLE;
    VkQueryPool queries_ = VK_NULL_HANDLE;
    std::function<void()> onWait_;
};

} // namespace saccade::host
