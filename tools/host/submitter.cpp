// SPDX-License-Identifier: Apache-2.0
#include "host/submitter.hpp"

#include <array>
#include <chrono>
#include <limits>
#include <utility>

#include "host/errors.hpp"

namespace saccade::host {

void fullBarrier(VkCommandBuffer commandBuffer) {
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                            VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT;
    const VkPipelineStageFlags work = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    vkCmdPipelineBarrier(commandBuffer, work, work | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, nullptr, 0,
                         nullptr);
}

Submitter::Submitter(const Device& device) : device_(device) {
    try {
        VkCommandPoolCreateInfo pool{};
        pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
        pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
        pool.queueFamilyIndex = device.queueFamily();
        checkVulkan(vkCreateCommandPool(device.handle(), &pool, nullptr, &pool_), "vkCreateCommandPool");

        VkCommandBufferAllocateInfo buffer{};
        buffer.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
        buffer.commandPool = pool_;
        buffer.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
        buffer.commandBufferCount = 1;
        checkVulkan(vkAllocateCommandBuffers(device.handle(), &buffer, &commandBuffer_), "vkAllocateCommandBuffers");

        const VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, nullptr, 0};
        checkVulkan(vkCreateFence(device.handle(), &fence, nullptr, &fence_), "vkCreateFence");

        if (device.timestampBits() > 0) {
            VkQueryPoolCreateInfo queries{};
            queries.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
            queries.queryType = VK_QUERY_TYPE_TIMESTAMP;
            queries.queryCount = 2;
            checkVulkan(vkCreateQueryPool(device.handle(), &queries, nullptr, &queries_), "vkCreateQueryPool");
        }
    } catch (...) {
        release();
        throw;
    }
}

Submitter::~Submitter() { release(); }

void Submitter::release() noexcept {
    vkDestroyQueryPool(device_.handle(), queries_, nullptr);
    vkDestroyFence(device_.handle(), fence_, nullptr);
    vkDestroyCommandPool(device_.handle(), pool_, nullptr);
}

Timing Submitter::run(const std::function<void(VkCommandBuffer)>& record) {
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    checkVulkan(vkBeginCommandBuffer(commandBuffer_, &begin), "vkBeginCommandBuffer");
    if (queries_) {
        vkCmdResetQueryPool(commandBuffer_, queries_, 0, 2);
        vkCmdWriteTimestamp(commandBuffer_, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, queries_, 0);
    }
    record(commandBuffer_);
    if (queries_)
        vkCmdWriteTimestamp(commandBuffer_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, 1);
    checkVulkan(vkEndCommandBuffer(commandBuffer_), "vkEndCommandBuffer");

    const auto start = std::chrono::steady_clock::now();
    VkSubmitInfo submit{};
    submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submit.commandBufferCount = 1;
    submit.pCommandBuffers = &commandBuffer_;
    checkVulkan(vkQueueSubmit(device_.queue(), 1, &submit, fence_), "vkQueueSubmit");

    VkResult result = VK_TIMEOUT;
    while (result == VK_TIMEOUT) {
        constexpr uint64_t oneSecond = 1'000'000'000;
        result = vkWaitForFences(device_.handle(), 1, &fence_, VK_TRUE, oneSecond);
        if (result == VK_TIMEOUT && onWait_)
            onWait_();
    }
    checkVulkan(result, "vkWaitForFences");
    const std::chrono::duration<double, std::milli> waited = std::chrono::steady_clock::now() - start;
    checkVulkan(vkResetFences(device_.handle(), 1, &fence_), "vkResetFences");
    return {elapsedMilliseconds(), waited.count()};
}

double Submitter::elapsedMilliseconds() const {
    if (!queries_)
        return std::numeric_limits<double>::quiet_NaN();
    std::array<uint64_t, 2> ticks{};
    checkVulkan(vkGetQueryPoolResults(device_.handle(), queries_, 0, 2, sizeof(ticks), ticks.data(), sizeof(ticks[0]),
                                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                "vkGetQueryPoolResults");
    return device_.milliseconds(ticks[0], ticks[1]);
}

} // namespace saccade::host
