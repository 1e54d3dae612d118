#include "graph/program.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "vulkan/barrier.hpp"
#include "vulkan/debug_label.hpp"

namespace saccade {

namespace {

// Bindings that stand in for others refer to tensors that another binding has already; memory sees those once.
bool isCounted(const Node& node, size_t binding) {
    const auto writes = [&](size_t i) { return node.dispatch.bindings[i].access != Access::read; };
    for (size_t i = 0; i < binding; ++i)
        if (node.tensors[i] == node.tensors[binding] && writes(i) == writes(binding))
            return false;
    return true;
}

// Throws SAC_ERROR_UNSUPPORTED, naming the node and the limit, for what the device does not reach.
void checkLimits(const Graph& graph, const Node& node, const DeviceProfile& limits) {
    const Dispatch& dispatch = node.dispatch;
    const auto buffers = static_cast<uint32_t>(
        std::count_if(dispatch.bindings.begin(), dispatch.bindings.end(),
                      [](const OperandUse& use) { return use.kind == BindingKind::storageBuffer; }));
    const uint32_t lanes = dispatch.constants[0]; // of every shader
    const struct {
        const char* limit;
        uint32_t most, needed;
        const char* what;
    } needs[] = {
        {"maxComputeWorkGroupCount[0]", limits.maxComputeWorkGroupCount[0], dispatch.groups[0], "workgroups on axis 0"},
        {"maxComputeWorkGroupCount[1]", limits.maxComputeWorkGroupCount[1], dispatch.groups[1], "workgroups on axis 1"},
        {"maxComputeWorkGroupCount[2]", limits.maxComputeWorkGroupCount[2], dispatch.groups[2], "workgroups on axis 2"},
        {"maxComputeWorkGroupSize[0]", limits.maxComputeWorkGroupSize[0], lanes, "invocations in a workgroup"},
        {"maxComputeWorkGroupInvocations", limits.maxComputeWorkGroupInvocations, lanes, "invocations in a workgroup"},
        {"maxComputeSharedMemorySize", limits.maxComputeSharedMemorySize, dispatch.sharedBytes,
         "bytes of shared memory"},
        {"maxPushConstantsSize", limits.maxPushConstantsSize, pushConstantBytes, "bytes of push constants"},
        {"maxPerStageDescriptorStorageBuffers", limits.maxPerStageDescriptorStorageBuffers, buffers, "storage buffers"},
    };
    for (const auto& need : needs)
        if (need.needed > need.most)
            throw Error(SAC_ERROR_UNSUPPORTED, "\"%s\" needs %u %s, the device's %s is %u", node.label.c_str(),
                        need.needed, need.what, need.limit, need.most);
    for (const TensorId id : node.tensors) {
        const Tensor& tensor = graph.tensor(id);
        if (!tensor.image && tensor.bytes > limits.maxStorageBufferRange)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "tensor \"%s\" has %llu bytes, the device's maxStorageBufferRange is %llu", tensor.name.c_str(),
                        wide(tensor.bytes),
                        wide(limits.maxStorageBufferRange));
    }
}

} // namespace

Program::Program(const Device& device, PipelineLibrary& pipelines)
    : device_(device), library_(pipelines), steps_(device.memory), stages_(device.memory), held_(device.memory),
      descriptors_(device) {}

Program::~Program() {
    for (const Pipeline* pipeline : held_)
        library_.release(pipeline);
}

void Program::compile(const Graph& graph, Phase phase, uint32_t batch, uint32_t maxRecords, Progress& progress) {
    batch_ = batch;
    const auto count = std::count_if(graph.nodes().begin(), graph.nodes().end(),
                                     [&](const Node& node) { return node.phase == phase; });
    steps_.reserve(static_cast<size_t>(count));
    held_.reserve(static_cast<size_t>(count));
    for (const Node& node : graph.nodes()) {
        if (node.phase != phase)
            continue;
        const Dispatch& dispatch = node.dispatch;
        checkLimits(graph, node, device_.profile);
        Step step{nullptr, dispatch.push, {}, dispatch.groups, node.batched, node.barrier, node.stage};
        BindingKinds kinds;
        for (const OperandUse& use : dispatch.bindings)
            kinds.push_back(use.kind);
        if (node.stage == stages_.size())
            stages_.push_back({std::pmr::string(node.label, device_.memory)});
        Stage& stage = stages_[node.stage];
        ++stage.dispatchCount;
        stage.flops += node.flops;
        for (size_t i = 0; i < node.tensors.size(); ++i) {
            const Tensor& tensor = graph.tensor(node.tensors[i]);
            step.bindings.push_back({tensor.memory, tensor.external, tensor.offset, tensor.bytes});
            if (isCounted(node, i))
                stage.bytes += tensor.bytes;
        }
        progress.next();
        step.pipeline = library_.acquire(dispatch.shader, dispatch.constants, kinds);
        held_.push_back(step.pipeline);
        steps_.push_back(std::move(step));
    }
    for (const Stage& stage : stages_)
        bytes_ += stage.bytes;
    descriptors_.allocate(held_, maxRecords);
}

uint32_t Program::barrierCount() const {
    return static_cast<uint32_t>(std::count_if(steps_.begin(), steps_.end(), [](const Step& s) { return s.barrier; }));
}

std::array<uint32_t, 3> Program::groups(uint32_t dispatch, uint32_t batch) const {
    const Step& step = steps_[dispatch];
    return {step.groups[0], step.groups[1], step.batched ? step.groups[2] / batch_ * batch : step.groups[2]};
}

void Program::writeTimestamp(VkCommandBuffer commandBuffer, const Timestamps& timestamps, uint32_t query) const {
    if (timestamps.pool)
        device_.vk.CmdWriteTimestamp(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, timestamps.pool,
                                     timestamps.first + query);
}

Resource Program::resolve(const Binding& binding, const Buffers& buffers) {
    if (binding.memory != MemoryClass::external) {
        const BufferBase& base = buffers.classes[static_cast<size_t>(binding.memory)];
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
    for (uint32_t i = 0; i < steps_.size(); ++i) {
        const Step& step = steps_[i];
        if (step.barrier)
            computeBarrier(device_, commandBuffer);
        const DebugLabel label(device_, commandBuffer, stages_[step.stage].label.c_str());
        if (step.pipeline != bound)
            vk.CmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, step.pipeline->handle);
        bound = step.pipeline;
        FixedVector<Resource, maxBindings> resources;
        for (const Binding& binding : step.bindings)
            resources.push_back(resolve(binding, buffers));
        descriptors_.bind(commandBuffer, slot, i, *step.pipeline, resources);
        if (step.push.size)
            vk.CmdPushConstants(commandBuffer, step.pipeline->layout.pipeline, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                step.push.size, step.push.bytes.data());
        if (indirect.buffer) {
            vk.CmdDispatchIndirect(commandBuffer, indirect.buffer, indirect.at(i));
        } else {
            const std::array<uint32_t, 3> count = groups(i, batch);
            vk.CmdDispatch(commandBuffer, count[0], count[1], count[2]);
        }
        if (i + 1 == steps_.size() || steps_[i + 1].stage != step.stage)
            writeTimestamp(commandBuffer, timestamps, step.stage + 1);
    }
}

} // namespace saccade
