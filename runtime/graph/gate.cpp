#include "graph/gate.hpp"

#include <algorithm>

#include "vulkan/barrier.hpp"
#include "vulkan/debug_label.hpp"

namespace saccade {

namespace {

constexpr uint32_t numbersPerBlock = IndirectCommands::perBlock * 3;
constexpr uint32_t lanes = 32;
static_assert(numbersPerBlock <= lanes);

// As in shaders/gate.comp.
struct Push {
    uint32_t count;
    std::array<uint32_t, numbersPerBlock> groups;
};

} // namespace

Gate::Gate(const Device& device, PipelineLibrary& pipelines)
    : device_(device), library_(pipelines), descriptors_(device) {}

Gate::~Gate() {
    if (pipeline_)
        library_.release(pipeline_);
}

void Gate::compile(uint32_t dispatchCount, uint32_t maxRecords, Progress& progress) {
    blockCount_ = divideUp(dispatchCount, IndirectCommands::perBlock);
    pitch_ = alignUp(IndirectCommands::perBlock * sizeof(VkDispatchIndirectCommand),
                     device_.profile.minStorageBufferOffsetAlignment);
    progress.next();
    const uint32_t constants[] = {lanes};
    pipeline_ =
        library_.acquire(Shader::gate, constants, BindingKinds{BindingKind::storageBuffer, BindingKind::storageBuffer});
    const std::pmr::vector<const Pipeline*> dispatches(blockCount_, pipeline_, device_.memory);
    descriptors_.allocate(dispatches, maxRecords);
}

IndirectCommands Gate::record(VkCommandBuffer commandBuffer, const Program& program, uint32_t batch,
                              const BufferBase& enable, const BufferBase& commands) const {
    const DeviceTable& vk = device_.vk;
    const uint32_t slot = descriptors_.takeSlot();
    const IndirectCommands out{commands.buffer, commands.offset, pitch_};
    const DebugLabel label(device_, commandBuffer, "enable");
    vk.CmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_->handle);
    for (uint32_t block = 0; block < blockCount_; ++block) {
        const uint32_t first = block * IndirectCommands::perBlock;
        const uint32_t end = std::min(first + IndirectCommands::perBlock, program.dispatchCount());
        Push push{};
        for (uint32_t i = first; i < end; ++i)
            for (const uint32_t groups : program.groups(i, batch))
                push.groups[push.count++] = groups;
        const Resource resources[] = {{{enable.buffer, enable.offset, sizeof(uint32_t)}},
                                      {{out.buffer, out.at(first), push.count * sizeof(uint32_t)}}};
        descriptors_.bind(commandBuffer, slot, block, *pipeline_, resources);
        vk.CmdPushConstants(commandBuffer, pipeline_->layout.pipeline, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push),
                            &push);
        vk.CmdDispatch(commandBuffer, 1, 1, 1);
    }
    memoryBarrier(device_, commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                  VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT, VK_ACCESS_INDIRECT_COMMAND_READ_BIT);
    return out;
}

} // namespace saccade
