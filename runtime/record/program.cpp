// SPDX-License-Identifier: Apache-2.0
#include "record/program.hpp"

#include "record/commands.hpp"

namespace saccade {

Program::Program(const Device& device, PipelineLibrary& pipelines, const DispatchList& list)
    : device_(device), library_(pipelines), list_(list), pipelines_(device.memory), descriptors_(device) {}

Program::~Program() {
    for (const Pipeline* pipeline : pipelines_)
        library_.release(pipeline);
}

void Program::compile(uint32_t maxRunsInFlight, Progress& progress) {
    pipelines_.reserve(list_.dispatches().size());
    for (const PlacedDispatch& dispatch : list_.dispatches()) {
        progress.next();
        pipelines_.push_back(library_.acquire(dispatch.pipeline));
    }
    descriptors_.allocate(pipelines_, maxRunsInFlight);
}

void Program::writeTimestamp(VkCommandBuffer commandBuffer, const Timestamps& timestamps, uint32_t query) const {
    if (timestamps.pool)
        device_.vk.CmdWriteTimestamp(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, timestamps.pool,
                                     timestamps.first + query);
}

Resource Program::resolve(const Binding& binding, const Buffers& buffers) {
    if (binding.memory != MemoryKind::external) {
        const BufferBase& base = buffers.of(binding.memory);
        return {{base.buffer, base.offset + binding.offset, binding.bytes}};
    }
    const External& external = buffers.externals[binding.external];
    return {{external.buffer.buffer, external.buffer.offset, binding.bytes},
            {VK_NULL_HANDLE, external.view, external.layout}};
}

void Program::record(VkCommandBuffer commandBuffer, const Buffers& buffers, uint32_t batch,
                     const Timestamps& timestamps, const IndirectCommands& indirect) const {
    const DeviceTable& vk = device_.vk;
    const uint32_t slot = descriptors_.takeSlot();
    const Pipeline* bound = nullptr;
    writeTimestamp(commandBuffer, timestamps, 0);
    const std::span<const PlacedDispatch> dispatches = list_.dispatches();
    const std::span<const Stage> stages = list_.stages();
    for (uint32_t i = 0; i < dispatches.size(); ++i) {
        const PlacedDispatch& dispatch = dispatches[i];
        const Pipeline* pipeline = pipelines_[i];
        if (dispatch.barrier)
            computeBarrier(device_, commandBuffer);
        const DebugLabel label(device_, commandBuffer, stages[dispatch.stage].label.c_str());
        if (pipeline != bound)
            vk.CmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->handle);
        bound = pipeline;
        FixedVector<Resource, maxBindings> resources;
        for (const Binding& binding : dispatch.bindings)
            resources.push_back(resolve(binding, buffers));
        descriptors_.bind(commandBuffer, slot, i, *pipeline, resources);
        if (indirect.buffer) {
            vk.CmdDispatchIndirect(commandBuffer, indirect.buffer, indirect.at(i));
        } else {
            const std::array<uint32_t, 3> count = list_.groups(i, batch);
            vk.CmdDispatch(commandBuffer, count[0], count[1], count[2]);
        }
        if (i + 1 == dispatches.size() || dispatches[i + 1].stage != dispatch.stage)
            writeTimestamp(commandBuffer, timestamps, dispatch.stage + 1);
    }
}

} // namespace saccade
