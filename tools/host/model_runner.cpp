// SPDX-License-Identifier: Apache-2.0
#include "host/model_runner.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace saccade::host {

namespace {

// The library computes in F32 and F16; other floating-point inputs are rounded before they are handed over.
TensorMap convertible(const TensorMap& inputs) {
    TensorMap converted;
    for (const auto& [name, tensor] : inputs)
        converted[name] =
            tensor.type == DataType::f64 || tensor.type == DataType::bf16 ? convert(tensor, DataType::f32) : tensor;
    return converted;
}

bool isBound(const SacTensorInfo& info) { return !(info.flags & SAC_TENSOR_HOST_BIT); }

/// Calls `visit` with every bound tensor that has `flag` and its place in the host buffer of all of them.
template <class Visit>
VkDeviceSize forEachBound(const std::vector<SacTensorInfo>& tensors, SacTensorFlags flag, const Visit& visit) {
    VkDeviceSize offset = 0;
    for (const SacTensorInfo& info : tensors) {
        if (!isBound(info) || !(info.flags & flag))
            continue;
        visit(info, offset);
        offset += info.size;
    }
    return offset;
}

constexpr auto ignore = [](const SacTensorInfo&, VkDeviceSize) {};

const char* orNull(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

} // namespace

SacModelInfo ModelSource::info() const {
    SacModelInfo info = sac::make<SacModelInfo>();
    info.data = bytes.data();
    info.size = bytes.size();
    info.module = orNull(module);
    info.config = orNull(config);
    info.weightPrefix = weightPrefix ? weightPrefix->c_str() : nullptr;
    return info;
}

sac::Plan makePlan(const sac::Model& model, const TensorMap& inputs, const PlanOptions& options) {
    sac::PlanBuilder builder;
    return makePlan(model, inputs, options, builder);
}

sac::Plan makePlan(const sac::Model& model, const TensorMap& inputs, const PlanOptions& options,
                   sac::PlanBuilder& builder) {
    for (const auto& [name, tensor] : inputs) {
        // Which inputs are read at plan creation the module decides; integers and booleans are all it can be.
        const bool values = !isFloatingPoint(tensor.type);
        builder.input(name, tensor.shape, libraryType(tensor.type, name), SAC_LAYOUT_CONTIGUOUS,
                      values ? tensor.data.data() : nullptr, values ? tensor.data.size() : 0);
    }
    for (const OutputRequest& output : options.outputs)
        builder.output(output.name, output.dataType);
    builder.options(options.options).progress(options.progress);
    builder.info.flags = options.flags;
    builder.info.precision = options.precision;
    builder.info.maxRunsInFlight = options.maxRunsInFlight;
    const SacPositionBiasInfo& bias = options.positionBias;
    builder.positionBias(bias.mode, bias.tolerance, bias.tableLimit);
    return sac::Plan(model, builder);
}

ModelRunner::ModelRunner(const Context& context, const ModelSource& source, const TensorMap& inputs,
                         const PlanOptions& options)
    : device_(context.device()), submitter_(device_), inputs_(convertible(inputs)), model_(context, source.info()),
      plan_(makePlan(model_, inputs_, options)), tensors_(plan_.tensors()) {
    constexpr VkBufferUsageFlags transfer = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    for (std::size_t kind = 0; kind < memory_.size(); ++kind) {
        const SacMemoryRequirements needed = plan_.memory(static_cast<SacMemoryKind>(kind));
        const bool isStaging = kind == SAC_MEMORY_STAGING;
        memory_[kind] = Buffer(device_, needed.size, needed.usage | transfer,
                               isStaging ? BufferMemory::upload : BufferMemory::device);
    }
    for (uint32_t i = 0; i < tensors_.size(); ++i) {
        const SacTensorInfo& info = tensors_[i];
        if (!isBound(info))
            continue;
        const Buffer& buffer = bound_[info.name] =
            Buffer(device_, info.size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | transfer, BufferMemory::device);
        SacTensorBinding& binding = bindings_.emplace_back(sac::make<SacTensorBinding>());
        binding.tensor = i;
        binding.buffer = buffer.range();
    }
    hostInputs_ = Buffer(device_, forEachBound(tensors_, SAC_TENSOR_INPUT_BIT, ignore),
                         VK_BUFFER_USAGE_TRANSFER_SRC_BIT, BufferMemory::upload);
    hostOutputs_ = Buffer(device_, forEachBound(tensors_, SAC_TENSOR_OUTPUT_BIT, ignore),
                          VK_BUFFER_USAGE_TRANSFER_DST_BIT, BufferMemory::readback);
}

void ModelRunner::setInput(const std::string& name, const Tensor& tensor) {
    Tensor& input = inputs_.at(name);
    if (input.type != tensor.type || input.shape != tensor.shape)
        throw std::invalid_argument("input \"" + name + "\" was planned with another type or shape");
    input = tensor;
}

Timing ModelRunner::upload() {
    forEachBound(tensors_, SAC_TENSOR_INPUT_BIT, [&](const SacTensorInfo& info, VkDeviceSize offset) {
        const std::vector<std::byte>& data = inputs_.at(info.name).data;
        std::memcpy(hostInputs_.mapped().data() + offset, data.data(), std::min<std::size_t>(data.size(), info.size));
    });

    plan_.writeWeights(memory(SAC_MEMORY_STAGING).mapped().data());

    return submitter_.run([&](VkCommandBuffer commandBuffer) {
        forEachBound(tensors_, SAC_TENSOR_INPUT_BIT, [&](const SacTensorInfo& tensor, VkDeviceSize offset) {
            const VkBufferCopy copy{offset, 0, tensor.size};
            vkCmdCopyBuffer(commandBuffer, hostInputs_.handle(), tensorBuffer(tensor.name).handle(), 1, &copy);
        });
        if (const Buffer& state = memory(SAC_MEMORY_STATE); state.size() > 0)
            vkCmdFillBuffer(commandBuffer, state.handle(), 0, VK_WHOLE_SIZE, 0);
        fullBarrier(commandBuffer);
        plan_.cmdUpload(commandBuffer, sac::uploadInfo(ranges()));
        fullBarrier(commandBuffer);
    });
}

Timing ModelRunner::warmUp() {
    return submitter_.run([&](VkCommandBuffer commandBuffer) {
        SacRunInfo info = runInfo();
        info.flags = SAC_RUN_WARM_UP_BIT;
        fullBarrier(commandBuffer);
        plan_.cmdRun(commandBuffer, info);
        fullBarrier(commandBuffer);
    });
}

Timing ModelRunner::run(uint32_t batch) {
    return submitter_.run([&](VkCommandBuffer commandBuffer) {
        fullBarrier(commandBuffer); // against the run before
        record(commandBuffer, batch);
        fullBarrier(commandBuffer);
    });
}

void ModelRunner::record(VkCommandBuffer commandBuffer, uint32_t batch, const SacTimestampRange& timestamps) const {
    SacRunInfo info = runInfo();
    info.batch = batch;
    info.timestamps = timestamps;
    plan_.cmdRun(commandBuffer, info);
}

SacRunInfo ModelRunner::runInfo() const {
    SacRunInfo info = sac::runInfo(ranges());
    info.bindingCount = static_cast<uint32_t>(bindings_.size());
    info.bindings = bindings_.data();
    return info;
}

sac::MemoryRanges ModelRunner::ranges() const {
    sac::MemoryRanges ranges{};
    for (std::size_t kind = 0; kind < ranges.size(); ++kind)
        ranges[kind] = memory_[kind].range();
    return ranges;
}

std::vector<std::byte> ModelRunner::contents(SacMemoryKind kind) {
    const Buffer& from = memory(kind);
    const Buffer copy(device_, from.size(), VK_BUFFER_USAGE_TRANSFER_DST_BIT, BufferMemory::readback);
    if (from.size() > 0)
        submitter_.run([&](VkCommandBuffer commandBuffer) {
            fullBarrier(commandBuffer);
            const VkBufferCopy all{0, 0, from.size()};
            vkCmdCopyBuffer(commandBuffer, from.handle(), copy.handle(), 1, &all);
            fullBarrier(commandBuffer);
        });
    const auto bytes = copy.mapped();
    return {bytes.begin(), bytes.end()};
}

TensorMap ModelRunner::outputs() {
    submitter_.run([&](VkCommandBuffer commandBuffer) {
        fullBarrier(commandBuffer);
        forEachBound(tensors_, SAC_TENSOR_OUTPUT_BIT, [&](const SacTensorInfo& info, VkDeviceSize offset) {
            const VkBufferCopy copy{0, offset, info.size};
            vkCmdCopyBuffer(commandBuffer, tensorBuffer(info.name).handle(), hostOutputs_.handle(), 1, &copy);
        });
        fullBarrier(commandBuffer);
    });

    TensorMap results;
    forEachBound(tensors_, SAC_TENSOR_OUTPUT_BIT, [&](const SacTensorInfo& info, VkDeviceSize offset) {
        Tensor tensor{fileType(info.dataType), Shape(info.shape, info.shape + info.rank), {}};
        uint64_t bytes = dataTypeSize(tensor.type);
        for (const uint64_t dimension : tensor.shape)
            bytes *= dimension;
        const std::byte* data = hostOutputs_.mapped().data() + offset;
        tensor.data.assign(data, data + bytes);
        results[info.name] = std::move(tensor);
    });
    return results;
}

} // namespace saccade::host
