// SPDX-License-Identifier: Apache-2.0
#include "record/conditional_dispatch.hpp"

#include <algorithm>

#include "record/commands.hpp"

namespace saccade {

namespace {

constexpr uint32_t numbersPerBlock = IndirectCommands::perBlock * 3;
constexpr uint32_t lanes = 32;
static_assert(numbersPerBlock <= lanes);

// As in shaders/conditional_dispatch.comp.
struct Push {
    uint32_t count;
    std::array<uint32_t, numbersPerBlock> groups;
};

uint32_t blockCount(const DispatchList& list) { return divideUp(list.dispatches().size(), IndirectCommands::perBlock); }

uint64_t blockPitch(const DeviceProfile& limits) {
    return alignUp(IndirectCommands::perBlock * sizeof(VkDispatchIndirectCommand),
                   limits.minStorageBufferOffsetAlignment);
}

} // namespace

const PipelineKey& ConditionalDispatch::pipelineKey() {
    static const PipelineKey key{
        Shader::conditionalDispatch, {lanes}, {BindingKind::storageBuffer, BindingKind::storageBuffer}};
    return key;
}

uint64_t ConditionalDispatch::commandBytes(const DispatchList& list, const DeviceProfile& limits) {
    return blockCount(list) * blockPitch(limits);
}

void ConditionalDispatch::compile(uint32_t maxRunsInFlight, Progress& progress) {
    progress.next();
    write_.compile(pipelineKey(), blockCount(list_), maxRunsInFlight);
}

IndirectCommands ConditionalDispatch::record(VkCommandBuffer commandBuffer, uint32_t batch, const BufferBase& enable,
                                             const BufferBase& commands) const {
    const IndirectCommands out{commands.buffer, commands.offset, blockPitch(device_.profile)};
    const auto dispatchCount = static_cast<uint32_t>(list_.dispatches().size());
    const DebugLabel label(device_, commandBuffer, "enable");
    const uint32_t slot = write_.begin(commandBuffer);
    for (uint32_t first = 0; first < dispatchCount; first += IndirectCommands::perBlock) {
        const uint32_t end = std::min(first + IndirectCommands::perBlock, dispatchCount);
        Push push{};
        for (uint32_t i = first; i < end; ++i)
            for (const uint32_t groups : list_.groups(i, batch))
                push.groups[push.count++] = groups;
        const Resource resources[] = {{{enable.buffer, enable.offset, sizeof(uint32_t)}},
                                      {{out.buffer, out.at(first), push.count * sizeof(uint32_t)}}};
        write_.record(commandBuffer, slot, first / IndirectCommands::perBlock, resources, push, 1);
    }
    memoryBarrier(device_, commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                  VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT, VK_ACCESS_INDIRECT_COMMAND_READ_BIT);
    return out;
}

} // namespace saccade
