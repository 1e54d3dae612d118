// SPDX-License-Identifier: Apache-2.0
#include "record/clear_state.hpp"

#include <algorithm>

#include "record/commands.hpp"

namespace saccade {

namespace {

constexpr uint32_t lanes = 128; // every device has as many
// Enough to fill any GPU, so few that a dispatch which has nothing to clear is quickly over.
constexpr uint32_t maxWorkgroups = 1024;

// As in shaders/clear_state.comp.
struct Push {
    uint32_t count;
    uint32_t enableCounts;
    uint32_t resetCounts;
};

} // namespace

const PipelineKey& ClearState::pipelineKey() {
    static const PipelineKey key{Shader::clearState,
                                 {lanes},
                                 {BindingKind::storageBuffer, BindingKind::storageBuffer, BindingKind::storageBuffer}};
    return key;
}

void ClearState::compile(uint64_t bytes, uint32_t maxRunsInFlight, Progress& progress) {
    progress.next();
    const DeviceProfile& limits = device_.profile;
    bytes_ = bytes;
    const uint64_t alignment = std::max<uint64_t>(limits.minStorageBufferOffsetAlignment, sizeof(uint32_t));
    rangeBytes_ = limits.maxStorageBufferRange / alignment * alignment;
    clear_.compile(pipelineKey(), divideUp(bytes_, rangeBytes_), maxRunsInFlight);
}

void ClearState::record(VkCommandBuffer commandBuffer, const BufferBase& state, const BufferBase& enable,
                        const BufferBase& reset) const {
    const DebugLabel label(device_, commandBuffer, "reset");
    const uint32_t slot = clear_.begin(commandBuffer);
    uint32_t dispatch = 0;
    for (uint64_t first = 0; first < bytes_; first += rangeBytes_) {
        const uint64_t bytes = std::min(rangeBytes_, bytes_ - first);
        const BufferBase range{state.buffer, state.offset + first};
        // A number that is not given has to be bound all the same: as bytes that no other dispatch writes.
        const BufferBase& enableOrAny = enable.buffer ? enable : range;
        const BufferBase& resetOrAny = reset.buffer ? reset : range;
        const Resource resources[] = {{{enableOrAny.buffer, enableOrAny.offset, sizeof(uint32_t)}},
                                      {{resetOrAny.buffer, resetOrAny.offset, sizeof(uint32_t)}},
                                      {{range.buffer, range.offset, bytes}}};
        const Push push{static_cast<uint32_t>(bytes / sizeof(uint32_t)), enable.buffer != VK_NULL_HANDLE,
                        reset.buffer != VK_NULL_HANDLE};
        clear_.record(commandBuffer, slot, dispatch++, resources, push,
                      std::min(divideUp(push.count, lanes), maxWorkgroups));
    }
    computeBarrier(device_, commandBuffer);
}

} // namespace saccade
