// SPDX-License-Identifier: Apache-2.0
// sacWriteWeights, and sacCmdUpload, where everything is checked before the first command is recorded.
#include <algorithm>

#include "api/claims.hpp"
#include "api/objects.hpp"
#include "record/commands.hpp"

using namespace saccade;

namespace {

void recordCopy(const Device& device, VkCommandBuffer commandBuffer, const SacUploadInfo& info, VkDeviceSize bytes) {
    const VkBufferCopy copy{info.staging.offset, info.weights.offset, bytes};
    device.vk.CmdCopyBuffer(commandBuffer, info.staging.buffer, info.weights.buffer, 1, &copy);
}

// Into the command buffer itself: vkCmdUpdateBuffer takes 64 KiB at a time.
void recordParameters(const Device& device, VkCommandBuffer commandBuffer, const SacBufferRange& range,
                      std::span<const std::byte> parameters) {
    constexpr size_t most = 65536;
    for (size_t at = 0; at < parameters.size(); at += most)
        device.vk.CmdUpdateBuffer(commandBuffer, range.buffer, range.offset + at,
                                  std::min(parameters.size() - at, most), parameters.data() + at);
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacWriteWeights(SacPlan plan, VkDeviceSize offset, VkDeviceSize size,
                                                        void* data, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        requirePart(offset, size, plan->memory[SAC_MEMORY_WEIGHTS].size, "weights");
        if (size == 0)
            return;
        require(data, "data");
        plan->model->weights->write(plan->storage, offset, {static_cast<std::byte*>(data), static_cast<size_t>(size)});
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacCmdUpload(SacPlan plan, VkCommandBuffer commandBuffer,
                                                     const SacUploadInfo* info, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        const Recorder& recorder = requireRecorder(*plan);
        require(commandBuffer, "commandBuffer");
        requireStructure(info, "info");
        requireFlags(info->flags, SAC_UPLOAD_SHARED_TABLES_BIT, "info->flags");
        const bool builds = !(info->flags & SAC_UPLOAD_SHARED_TABLES_BIT);
        const bool copy = info->staging.buffer && plan->memory[SAC_MEMORY_WEIGHTS].size;
        Claims claims(*plan);
        claims.memory(SAC_MEMORY_WEIGHTS, "info->weights", info->weights, copy);
        if (builds) {
            claims.memory(SAC_MEMORY_TABLES, "info->tables", info->tables, true);
            claims.memory(SAC_MEMORY_WORKSPACE, "info->workspace", info->workspace, true);
        }
        claims.memory(SAC_MEMORY_PARAMETERS, "info->parameters", info->parameters, true);
        if (copy)
            claims.memory(SAC_MEMORY_STAGING, "info->staging", info->staging, false);
        const Device& device = plan->model->context->device;
        const DebugLabel label(device, commandBuffer, plan->name.c_str());
        if (copy)
            recordCopy(device, commandBuffer, *info, plan->memory[SAC_MEMORY_WEIGHTS].size);
        recordParameters(device, commandBuffer, info->parameters, plan->parameters);
        memoryBarrier(device, commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
                      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT);
        if (builds)
            recorder.upload.record(commandBuffer, memoryOf(*info), 1);
    });
}
