// SPDX-License-Identifier: Apache-2.0
// sacCmdRun. Everything is checked before the first command is recorded.
#include "api/claims.hpp"
#include "api/objects.hpp"
#include "api/run_bindings.hpp"
#include "record/commands.hpp"

using namespace saccade;

namespace {

void checkTimestamps(const SacPlan_T& plan, const SacTimestampRange& timestamps) {
    const size_t needed = plan.run.stages().size() + 1;
    if (timestamps.pool && timestamps.count < needed)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->timestamps.count is %u, the plan needs %zu: one before its stages and one after each",
                    timestamps.count, needed);
    if (timestamps.pool && timestamps.first > UINT32_MAX - timestamps.count)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->timestamps.first is %u, with its count %u it passes 2^32",
                    timestamps.first, timestamps.count);
}

// A number that the GPU reads: required by plans made with the flag, of no use to others.
void claimNumber(Claims& claims, const SacPlan_T& plan, SacPlanFlagBits flag, const char* flagName, const char* name,
                 const SacBufferRange& range) {
    if (plan.flags & flag)
        claims.buffer(name, range, sizeof(uint32_t), plan.memory[SAC_MEMORY_WORKSPACE].alignment, false);
    else if (range.buffer)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is given, but the plan was made without %s", name, flagName);
}

// The caller's barrier before the run ends in compute, so compute is what the writes have to wait for. SHADER_WRITE is
// made available because the bytes may have been another plan's intermediates.
void recordValues(const Device& device, VkCommandBuffer commandBuffer, VkBuffer workspace,
                  std::span<const BoundValue> values) {
    if (values.empty())
        return;
    memoryBarrier(device, commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                  VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
    for (const BoundValue& v : values)
        device.vk.CmdUpdateBuffer(commandBuffer, workspace, v.offset, sizeof(v.value), &v.value);
    memoryBarrier(device, commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
                  VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT);
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacCmdRun(SacPlan plan, VkCommandBuffer commandBuffer, const SacRunInfo* info,
                                                  SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        const Recorder& recorder = requireRecorder(*plan);
        require(commandBuffer, "commandBuffer");
        requireStructure(info, "info");
        requireFlags(info->flags, SAC_RUN_RESET_STATE_BIT | SAC_RUN_WARM_UP_BIT, "info->flags");
        const bool warmUp = info->flags & SAC_RUN_WARM_UP_BIT;
        if (warmUp && plan->flags & SAC_PLAN_CONDITIONAL_BIT)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->flags has SAC_RUN_WARM_UP_BIT, but the plan was made with SAC_PLAN_CONDITIONAL_BIT");
        if (info->batch > plan->batch)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->batch is %u, the plan was made for at most %u", info->batch,
                        plan->batch);
        checkTimestamps(*plan, info->timestamps);
        Claims claims(*plan);
        claims.memory(SAC_MEMORY_WEIGHTS, "info->weights", info->weights, false);
        claims.memory(SAC_MEMORY_TABLES, "info->tables", info->tables, false);
        claims.memory(SAC_MEMORY_WORKSPACE, "info->workspace", info->workspace, true);
        claims.memory(SAC_MEMORY_STATE, "info->state", info->state, true);
        claims.memory(SAC_MEMORY_PARAMETERS, "info->parameters", info->parameters, false);

        claimNumber(claims, *plan, SAC_PLAN_CONDITIONAL_BIT, "SAC_PLAN_CONDITIONAL_BIT", "info->enable", info->enable);
        claimNumber(claims, *plan, SAC_PLAN_CONDITIONAL_RESET_BIT, "SAC_PLAN_CONDITIONAL_RESET_BIT", "info->reset",
                    info->reset);
        const RunBindings bindings = bindTensors(*plan, *info, claims);
        Buffers buffers = memoryOf(*info);
        buffers.of(MemoryKind::state) = base(info->state);
        buffers.externals = bindings.externals;
        const Device& device = plan->model->context->device;
        const DebugLabel label(device, commandBuffer, plan->name.c_str());
        recordValues(device, commandBuffer, info->workspace.buffer, bindings.values);
        const uint32_t batch = info->batch ? info->batch : plan->batch;
        const bool resets = info->flags & SAC_RUN_RESET_STATE_BIT;
        if (!warmUp && plan->memory[SAC_MEMORY_STATE].size && (resets || info->reset.buffer))
            recorder.clearState.record(commandBuffer, base(info->state), base(info->enable),
                                       resets ? BufferBase{} : base(info->reset));
        IndirectCommands indirect;
        if (info->enable.buffer)
            indirect =
                recorder.conditional.record(commandBuffer, batch, base(info->enable),
                                            {info->workspace.buffer, info->workspace.offset + plan->commandsOffset});
        recorder.run.record(commandBuffer, buffers, warmUp ? 0 : batch, {info->timestamps.pool, info->timestamps.first},
                            indirect);
    });
}
