// SPDX-License-Identifier: Apache-2.0
#include "host/stage_timer.hpp"

#include "host/errors.hpp"

namespace saccade::host {

StageTimer::StageTimer(const Device& device, ModelRunner& runner)
    : device_(device), runner_(runner), count_(static_cast<uint32_t>(runner.plan().stages().size()) + 1) {
    if (device.timestampBits() == 0)
        throw DeviceError(std::string(device.name()) + " has no timestamps on its compute queue");
    VkQueryPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    info.queryCount = count_;
    checkVulkan(vkCreateQueryPool(device.handle(), &info, nullptr, &queries_), "vkCreateQueryPool");
}

StageTimer::~StageTimer() { vkDestroyQueryPool(device_.handle(), queries_, nullptr); }

std::vector<double> StageTimer::run() {
    runner_.submitter().run([&](VkCommandBuffer commandBuffer) {
        vkCmdResetQueryPool(commandBuffer, queries_, 0, count_);
        fullBarrier(commandBuffer); // against the run before
        runner_.record(commandBuffer, 0, {queries_, 0, count_});
        fullBarrier(commandBuffer);
    });
    std::vector<uint64_t> ticks(count_);
    checkVulkan(vkGetQueryPoolResults(device_.handle(), queries_, 0, count_, ticks.size() * sizeof(ticks[0]),
                                      ticks.data(), sizeof(ticks[0]),
                                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                "vkGetQueryPoolResults");
    std::vector<double> times;
    for (std::size_t i = 0; i + 1 < ticks.size(); ++i)
        times.push_back(device_.milliseconds(ticks[i], ticks[i + 1]));
    return times;
}

} // namespace saccade::host
