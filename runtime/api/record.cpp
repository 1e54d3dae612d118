// sacCmdUpload, sacCmdRun. Everything is checked before the first command is recorded.
#include "api/objects.hpp"

#include <algorithm>

using namespace saccade;

namespace {

// What one call binds, kept to find overlaps. Names are literals or belong to the plan.
struct Claim {
    const char* name;
    const SacBufferRange* range;
    VkDeviceSize bytes;
    bool written;
};
constexpr size_t maxClaims = 48;
using Claims = FixedVector<Claim, maxClaims>;

using Quoted = unsigned long long; // what %llu wants

void claim(Claims& claims, const char* name, const SacBufferRange& range, VkDeviceSize bytes, VkDeviceSize alignment,
           bool written) {
    if (bytes == 0)
        return;
    if (!range.buffer)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.buffer is null, the plan needs %llu bytes", name,
                    static_cast<Quoted>(bytes));
    if (range.size == VK_WHOLE_SIZE || range.size < bytes)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.size is %llu, the plan needs %llu bytes", name,
                    static_cast<Quoted>(range.size), static_cast<Quoted>(bytes));
    if (range.offset % alignment)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.offset is %llu, it must be a multiple of %llu", name,
                    static_cast<Quoted>(range.offset), static_cast<Quoted>(alignment));
    for (const Claim& other : claims) {
        const bool apart = range.buffer != other.range->buffer || range.offset >= other.range->offset + other.bytes ||
                           other.range->offset >= range.offset + bytes;
        if (!apart && (written || other.written))
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "%s overlaps %s: both use bytes from %llu of one buffer, and one of them is written", name,
                        other.name, static_cast<Quoted>(std::max(range.offset, other.range->offset)));
    }
    claims.push_back({name, &range, bytes, written});
}

void claimKind(Claims& claims, const SacPlan_T& plan, SacMemoryKind kind, const char* name, const SacBufferRange& range,
               bool written) {
    const SacMemoryRequirements& memory = plan.memory[kind];
    claim(claims, name, range, memory.size, memory.alignment, written);
}

BufferBase base(const SacBufferRange& range) { return {range.buffer, range.offset}; }

void recordCopy(const Device& device, VkCommandBuffer commandBuffer, const SacUploadInfo& info, VkDeviceSize bytes) {
    const VkBufferCopy copy{info.staging.offset, info.weights.offset, bytes};
    device.vk.CmdCopyBuffer(commandBuffer, info.staging.buffer, info.weights.buffer, 1, &copy);
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT;
    device.vk.CmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0,
                                 1, &barrier, 0, nullptr, 0, nullptr);
}

const SacTensorBinding* findBinding(const SacRunInfo& info, const PlanTensor& tensor) {
    for (uint32_t i = 0; i < info.bindingCount; ++i)
        if (tensor.name == info.bindings[i].name)
            return &info.bindings[i];
    return nullptr;
}

// Every binding names a tensor of the plan, and none is named twice.
void checkNames(const SacPlan_T& plan, const SacRunInfo& info) {
    if (info.bindingCount && !info.bindings)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings is null, but info->bindingCount is %u",
                    info.bindingCount);
    for (uint32_t i = 0; i < info.bindingCount; ++i) {
        const char* name = info.bindings[i].name;
        if (!name)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings[%u].name is null, it is required", i);
        const auto known = std::find_if(plan.tensors.begin(), plan.tensors.end(),
                                        [&](const PlanTensor& t) { return !t.host && t.name == name; });
        if (known == plan.tensors.end())
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings[%u].name \"%.*s\" is no bound tensor of the plan",
                        i, clip(name), name);
        for (uint32_t j = 0; j < i; ++j)
            if (known->name == info.bindings[j].name)
                throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings[%u] and [%u] both name \"%s\"", j, i, name);
    }
}

void checkTimestamps(const SacPlan_T& plan, const SacTimestampRange& timestamps) {
    const size_t needed = plan.run.stages().size() + 1;
    if (timestamps.pool && timestamps.count < needed)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->timestamps.count is %u, the plan needs %zu: one before its stages and one after each",
                    timestamps.count, needed);
}

// A value that a run brings for an input, on its way to the workspace.
struct Value {
    VkDeviceSize offset; // in the workspace's buffer
    int32_t value;
};
using Values = FixedVector<Value, maxClaims>;

// Throws for a binding of another kind than the tensor's, or of several.
void checkKind(const SacTensorBinding& binding, const PlanTensor& tensor, bool takesValue) {
    const char* name = tensor.name.c_str();
    if (tensor.imageCount) {
        if (binding.buffer.buffer || binding.value)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s has a %s, the plan has it as %u images", name,
                        binding.value ? "value" : "buffer", tensor.imageCount);
        if (binding.imageCount != tensor.imageCount)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.imageCount is %u, the plan has it as %u images", name,
                        binding.imageCount, tensor.imageCount);
        if (!binding.images)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.images is null, but its imageCount is %u", name,
                        binding.imageCount);
        return;
    }
    if (binding.imageCount)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.imageCount is %u, the plan has it as a buffer", name,
                    binding.imageCount);
    if (takesValue && !binding.value && !binding.buffer.buffer)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s has neither a buffer nor a value, one is required", name);
    if (binding.value && !takesValue)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.value is given, only INT32 inputs of one element take one", name);
    if (binding.value && binding.buffer.buffer)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s has both a buffer and a value, it takes one of them", name);
}

// An image that a run binds, kept to find one that is read and written.
struct ImageClaim {
    const char* name;
    VkImageView view;
    bool written;
};
using ImageClaims = FixedVector<ImageClaim, maxClaims>;

bool mayBeIn(VkImageLayout layout, bool written) {
    switch (layout) {
    case VK_IMAGE_LAYOUT_GENERAL:
        return true;
    case VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL:
    case VK_IMAGE_LAYOUT_DEPTH_STENCIL_READ_ONLY_OPTIMAL:
    case VK_IMAGE_LAYOUT_DEPTH_READ_ONLY_OPTIMAL:
        return !written;
    default:
        return false;
    }
}

void claimImage(ImageClaims& claims, const PlanTensor& tensor, uint32_t index, const SacImageBinding& image) {
    const char* name = tensor.name.c_str();
    if (!image.view)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.images[%u].view is null, it is required", name, index);
    if (!mayBeIn(image.layout, tensor.output))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.images[%u].layout is VkImageLayout %d, it is GENERAL%s", name,
                    index, static_cast<int>(image.layout),
                    tensor.output ? " for outputs"
                                  : ", SHADER_READ_ONLY_OPTIMAL, DEPTH_STENCIL_READ_ONLY_OPTIMAL or "
                                    "DEPTH_READ_ONLY_OPTIMAL for inputs");
    for (const ImageClaim& other : claims)
        if (other.view == image.view && (tensor.output || other.written))
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "%s.images[%u].view is an image of %s as well, and one of them is written", name, index,
                        other.name);
    claims.push_back({name, image.view, tensor.output});
}

// The caller's barrier before the run ends in compute, so compute is what the writes have to wait for. SHADER_WRITE is
// made available because the bytes may have been another plan's intermediates.
void recordValues(const Device& device, VkCommandBuffer commandBuffer, VkBuffer workspace, const Values& values) {
    if (values.empty())
        return;
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    device.vk.CmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0,
                                 1, &barrier, 0, nullptr, 0, nullptr);
    for (const Value& v : values)
        device.vk.CmdUpdateBuffer(commandBuffer, workspace, v.offset, sizeof(v.value), &v.value);
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT;
    device.vk.CmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0,
                                 1, &barrier, 0, nullptr, 0, nullptr);
}

} // namespace

extern "C" SAC_API SacResult sacCmdUpload(SacPlan plan, VkCommandBuffer commandBuffer, const SacUploadInfo* info,
                                          SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        require(commandBuffer, "commandBuffer");
        SAC_REQUIRE_STRUCTURE(info, SAC_STRUCTURE_TYPE_UPLOAD_INFO);
        requireFlags(info->flags, SAC_UPLOAD_TABLES_ONLY_BIT, "info->flags");
        const bool copy = !(info->flags & SAC_UPLOAD_TABLES_ONLY_BIT) && plan->memory[SAC_MEMORY_WEIGHTS].size;
        Claims claims;
        claimKind(claims, *plan, SAC_MEMORY_WEIGHTS, "info->weights", info->weights, copy);
        claimKind(claims, *plan, SAC_MEMORY_TABLES, "info->tables", info->tables, true);
        claimKind(claims, *plan, SAC_MEMORY_WORKSPACE, "info->workspace", info->workspace, true);
        if (copy) {
            claimKind(claims, *plan, SAC_MEMORY_STAGING, "info->staging", info->staging, false);
            require(info->stagingData, "info->stagingData");
            plan->model->weights->write(plan->storage, static_cast<std::byte*>(info->stagingData));
            recordCopy(plan->model->context->device, commandBuffer, *info, plan->memory[SAC_MEMORY_WEIGHTS].size);
        }
        Buffers buffers;
        buffers.classes[static_cast<size_t>(MemoryClass::weights)] = base(info->weights);
        buffers.classes[static_cast<size_t>(MemoryClass::tables)] = base(info->tables);
        buffers.classes[static_cast<size_t>(MemoryClass::workspace)] = base(info->workspace);
        plan->upload.record(commandBuffer, buffers, 1);
    });
}

extern "C" SAC_API SacResult sacCmdRun(SacPlan plan, VkCommandBuffer commandBuffer, const SacRunInfo* info,
                                       SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        require(commandBuffer, "commandBuffer");
        SAC_REQUIRE_STRUCTURE(info, SAC_STRUCTURE_TYPE_RUN_INFO);
        if (info->batch > plan->batch)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->batch is %u, the plan was made for at most %u", info->batch,
                        plan->batch);
        checkTimestamps(*plan, info->timestamps);
        checkNames(*plan, *info);
        Claims claims;
        claimKind(claims, *plan, SAC_MEMORY_WEIGHTS, "info->weights", info->weights, false);
        claimKind(claims, *plan, SAC_MEMORY_TABLES, "info->tables", info->tables, false);
        claimKind(claims, *plan, SAC_MEMORY_WORKSPACE, "info->workspace", info->workspace, true);
        claimKind(claims, *plan, SAC_MEMORY_STATE, "info->state", info->state, true);

        const VkDeviceSize alignment = plan->memory[SAC_MEMORY_WORKSPACE].alignment;
        const bool conditional = plan->flags & SAC_PLAN_CONDITIONAL_BIT;
        if (conditional)
            claim(claims, "info->enable", info->enable, sizeof(uint32_t), alignment, false);
        else if (info->enable.buffer)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->enable is given, but the plan was made without SAC_PLAN_CONDITIONAL_BIT");

        FixedVector<External, maxClaims> externals;
        ImageClaims images;
        Values values;
        for (size_t i = 0; i < plan->boundTensors.size(); ++i) {
            const PlanTensor& tensor = plan->tensors[plan->boundTensors[i]];
            const uint64_t valueOffset = plan->valueOffsets[i];
            const SacTensorBinding* binding = findBinding(*info, tensor);
            if (!binding)
                throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings has no \"%s\", which the plan needs",
                            tensor.name.c_str());
            checkKind(*binding, tensor, valueOffset != SacPlan_T::noValue);
            if (tensor.imageCount) {
                for (uint32_t k = 0; k < tensor.imageCount; ++k) {
                    claimImage(images, tensor, k, binding->images[k]);
                    externals.push_back({{}, binding->images[k].view, binding->images[k].layout});
                }
            } else if (binding->value) {
                externals.push_back({{info->workspace.buffer, info->workspace.offset + valueOffset}});
                values.push_back({externals.back().buffer.offset, *binding->value});
            } else {
                claim(claims, tensor.name.c_str(), binding->buffer, tensor.bytes(), alignment, tensor.output);
                externals.push_back({base(binding->buffer)});
            }
        }
        Buffers buffers;
        buffers.classes[static_cast<size_t>(MemoryClass::weights)] = base(info->weights);
        buffers.classes[static_cast<size_t>(MemoryClass::tables)] = base(info->tables);
        buffers.classes[static_cast<size_t>(MemoryClass::workspace)] = base(info->workspace);
        buffers.classes[static_cast<size_t>(MemoryClass::state)] = base(info->state);
        buffers.externals = externals;
        recordValues(plan->model->context->device, commandBuffer, info->workspace.buffer, values);
        const uint32_t batch = info->batch ? info->batch : plan->batch;
        IndirectCommands indirect;
        if (conditional)
            indirect = plan->gate.record(commandBuffer, plan->run, batch, base(info->enable),
                                         {info->workspace.buffer, info->workspace.offset + plan->commandsOffset});
        plan->run.record(commandBuffer, buffers, batch, {info->timestamps.pool, info->timestamps.first}, indirect);
    });
}
