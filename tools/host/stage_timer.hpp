// SPDX-License-Identifier: Apache-2.0
// How long each stage of a model's run takes on the device.
#pragma once

#include <vulkan/vulkan.h>

#include <vector>

#include "host/model_runner.hpp"

namespace saccade::host {

class StageTimer {
public:
    /// Throws DeviceError, also where the device's queue has no timestamps.
    StageTimer(const Device& device, ModelRunner& runner);
    ~StageTimer();
    StageTimer(const StageTimer&) = delete;
    StageTimer& operator=(const StageTimer&) = delete;

    /// Runs the model once more; milliseconds of each stage of its plan.
    std::vector<double> run();

private:
    const Device& device_;
    ModelRunner& runner_;
    VkQueryPool queries_ = VK_NULL_HANDLE;
    uint32_t count_ = 0;
};

} // namespace saccade::host
