// SPDX-License-Identifier: Apache-2.0
#include "api/plan_memory.hpp"

#include <algorithm>

#include "graph/planner.hpp"

namespace saccade {
namespace {

// What Vulkan wants of a buffer of this kind; asked of a buffer that lives for the question only.
SacMemoryRequirements bufferRequirements(const Device& device, VkDeviceSize size, VkBufferUsageFlags usage) {
    SacMemoryRequirements out{};
    out.size = size;
    out.usage = usage;
    out.alignment = std::max<VkDeviceSize>(device.profile.minStorageBufferOffsetAlignment, 4);
    if (!device.handle)
        return out;
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.size = std::max<VkDeviceSize>(size, 4);
    info.usage = usage;
    VkBuffer buffer = VK_NULL_HANDLE;
    check(device.vk.CreateBuffer(device.handle, &info, device.allocator, &buffer), "vkCreateBuffer");
    VkMemoryRequirements requirements{};
    device.vk.GetBufferMemoryRequirements(device.handle, buffer, &requirements);
    device.vk.DestroyBuffer(device.handle, buffer, device.allocator);
    out.memoryTypeBits = requirements.memoryTypeBits;
    return out;
}

bool takesValue(const PlanTensor& tensor) {
    return !tensor.output && !tensor.imageCount && tensor.type == DataType::i32 && elementCount(tensor.shape) == 1;
}

// Room behind the intermediates for inputs that a run may bring as a value. Returns the bytes of the whole workspace.
uint64_t placeValues(SacPlan_T& plan, const Graph& graph, uint64_t workspaceBytes) {
    plan.valueOffsets.assign(plan.boundTensors.size(), SacPlan_T::noValue);
    for (size_t i = 0; i < plan.boundTensors.size(); ++i) {
        if (!takesValue(plan.tensors[plan.boundTensors[i]]))
            continue;
        plan.valueOffsets[i] = alignUp(workspaceBytes, graph.offsetAlignment());
        workspaceBytes = plan.valueOffsets[i] + sizeof(int32_t);
    }
    return workspaceBytes;
}

// Room behind everything else for the workgroup counts of a conditional plan. Returns as placeValues.
uint64_t placeCommands(SacPlan_T& plan, const Graph& graph, uint64_t workspaceBytes) {
    if (!(plan.flags & SAC_PLAN_CONDITIONAL_BIT))
        return workspaceBytes;
    plan.commandBytes = ConditionalDispatch::commandBytes(plan.run, plan.model->context->device.profile);
    plan.commandsOffset = alignUp(workspaceBytes, graph.offsetAlignment());
    return plan.commandsOffset + plan.commandBytes;
}

// What the engine has to provide.
void setRequirements(SacPlan_T& plan, const Graph& graph, uint64_t workspaceBytes) {
    const Device& device = plan.model->context->device;
    const VkDeviceSize weights = plan.model->weights->bytes(plan.storage);
    constexpr VkBufferUsageFlags storage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    plan.memory[SAC_MEMORY_WEIGHTS] = bufferRequirements(device, weights, storage | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    plan.memory[SAC_MEMORY_TABLES] = bufferRequirements(device, graph.tableBytes(), storage);
    const bool values = std::any_of(plan.valueOffsets.begin(), plan.valueOffsets.end(),
                                    [](uint64_t offset) { return offset != SacPlan_T::noValue; });
    VkBufferUsageFlags workspace = storage;
    if (values)
        workspace |= VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    if (plan.commandBytes)
        workspace |= VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    plan.memory[SAC_MEMORY_WORKSPACE] = bufferRequirements(device, workspaceBytes, workspace);
    plan.memory[SAC_MEMORY_STATE] = bufferRequirements(device, graph.stateBytes(), storage);
    plan.memory[SAC_MEMORY_PARAMETERS] = bufferRequirements(
        device, graph.parameterBytes(), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    plan.memory[SAC_MEMORY_PARAMETERS].alignment = parameterAlignment;
    plan.memory[SAC_MEMORY_STAGING] = bufferRequirements(device, weights, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
}

} // namespace

void placeGraph(SacPlan_T& plan, Graph& graph) {
    const DeviceProfile& device = plan.model->context->device.profile;
    const uint64_t intermediates = planMemory(graph, plan.flags & SAC_PLAN_NO_ALIASING_BIT     ? Sharing::none
                                                     : plan.flags & SAC_PLAN_WHOLE_BUFFERS_BIT ? Sharing::buffers
                                                                                               : Sharing::bytes);
    planBarriers(graph);
    plan.upload.build(graph, Phase::upload, 1, device);
    plan.run.build(graph, Phase::run, plan.batch, device);
    plan.parameters.resize(graph.parameterBytes());
    graph.writeParameters(plan.parameters);
    setRequirements(plan, graph, placeCommands(plan, graph, placeValues(plan, graph, intermediates)));
}

} // namespace saccade
