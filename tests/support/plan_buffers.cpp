// SPDX-License-Identifier: Apache-2.0
#include "support/plan_buffers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "host/submitter.hpp"
#include "support/safetensors_file.hpp"

namespace saccade::test {

namespace {

// Nearest, ties to even.
uint16_t doubleToHalf(double value) {
    const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    const double magnitude = std::abs(value);
    if (std::isnan(value))
        return sign | 0x7e00;
    if (magnitude >= 65520)
        return sign | 0x7c00;
    if (magnitude == 0)
        return sign;
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    const int step = std::max(exponent - 11, -24); // exponent of the last bit
    const double units = std::nearbyint(std::ldexp(magnitude, -step));
    // The leading one of a normal number, and a mantissa that rounds up to 2048, add to the exponent's bits.
    return static_cast<uint16_t>(sign + ((step + 24) << 10) + static_cast<int>(units));
}

template <class Stored, class Convert>
std::vector<std::byte> encodeAs(const reference::Tensor& tensor, Convert convert) {
    std::vector<std::byte> bytes((tensor.data.size() * sizeof(Stored) + 3) / 4 * 4);
    for (std::size_t i = 0; i < tensor.data.size(); ++i) {
        const Stored value = convert(tensor.data[i]);
        std::memcpy(bytes.data() + i * sizeof(Stored), &value, sizeof(Stored));
    }
    return bytes;
}

template <class Stored, class Convert>
void decodeAs(const std::byte* bytes, reference::Tensor& tensor, Convert convert) {
    for (std::size_t i = 0; i < tensor.data.size(); ++i) {
        Stored value;
        std::memcpy(&value, bytes + i * sizeof(Stored), sizeof(Stored));
        tensor.data[i] = convert(value);
    }
}

} // namespace

std::vector<std::byte> encode(const reference::Tensor& tensor, SacDataType type) {
    switch (type) {
    case SAC_DATA_TYPE_FLOAT16:
        return encodeAs<uint16_t>(tensor, doubleToHalf);
    case SAC_DATA_TYPE_INT32:
        return encodeAs<int32_t>(tensor, [](double v) { return static_cast<int32_t>(v); });
    case SAC_DATA_TYPE_INT64:
        return encodeAs<int64_t>(tensor, [](double v) { return static_cast<int64_t>(v); });
    case SAC_DATA_TYPE_UINT8:
    case SAC_DATA_TYPE_BOOL:
        return encodeAs<uint8_t>(tensor, [](double v) { return static_cast<uint8_t>(v); });
    default:
        return encodeAs<float>(tensor, [](double v) { return static_cast<float>(v); });
    }
}

reference::Tensor decode(const std::byte* bytes, SacDataType type, const reference::Shape& shape) {
    reference::Tensor tensor(shape);
    tensor.boolean = type == SAC_DATA_TYPE_BOOL;
    const auto widen = [](auto value) { return static_cast<double>(value); };
    switch (type) {
    case SAC_DATA_TYPE_FLOAT16:
        decodeAs<uint16_t>(bytes, tensor, halfToDouble);
        break;
    case SAC_DATA_TYPE_INT32:
        decodeAs<int32_t>(bytes, tensor, widen);
        break;
    case SAC_DATA_TYPE_INT64:
        decodeAs<int64_t>(bytes, tensor, widen);
        break;
    case SAC_DATA_TYPE_UINT8:
    case SAC_DATA_TYPE_BOOL:
        decodeAs<uint8_t>(bytes, tensor, widen);
        break;
    default:
        decodeAs<float>(bytes, tensor, widen);
        break;
    }
    return tensor;
}

PlanBuffers::PlanBuffers(const host::Device& device, const Plan& plan, VkBufferUsageFlags more) {
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
        const SacMemoryRequirements memory = plan.memory(static_cast<SacMemoryKind>(kind));
        kinds_[kind] = host::Buffer(device, memory.size, memory.usage | more, host::BufferMemory::readback);
        ranges_[kind] = kinds_[kind].range();
    }
    plan.writeWeights(kinds_[SAC_MEMORY_STAGING].mapped().data());
    uint32_t index = 0;
    for (const SacTensorInfo& info : plan.tensors()) {
        const uint32_t tensor = index++;
        if (info.flags & SAC_TENSOR_HOST_BIT)
            continue;
        tensors_.push_back(
            {tensor, info,
             host::Buffer(device, info.size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | more, host::BufferMemory::readback)});
        SacTensorBinding& bound = bindings.emplace_back(sac::make<SacTensorBinding>());
        bound.tensor = tensor;
        bound.buffer = tensors_.back().buffer.range();
    }
}

SacRunInfo PlanBuffers::runInfo() const {
    SacRunInfo info = sac::runInfo(ranges_);
    info.bindingCount = static_cast<uint32_t>(bindings.size());
    info.bindings = bindings.data();
    info.timestamps = timestamps;
    info.enable = enable;
    info.reset = reset;
    info.flags = runFlags;
    return info;
}

SacTensorBinding& PlanBuffers::binding(const std::string& name) {
    const uint32_t index = tensor(name).index;
    return *std::find_if(bindings.begin(), bindings.end(),
                         [&](const SacTensorBinding& bound) { return bound.tensor == index; });
}

std::string PlanBuffers::name(const SacTensorBinding& binding) const {
    return std::find_if(tensors_.begin(), tensors_.end(),
                        [&](const Bound& bound) { return bound.index == binding.tensor; })
        ->info.name;
}

PlanBuffers::Bound& PlanBuffers::tensor(const std::string& name) {
    for (Bound& bound : tensors_)
        if (bound.info.name == name)
            return bound;
    throw std::invalid_argument("the plan binds no tensor \"" + name + "\"");
}

void PlanBuffers::write(const std::string& name, const reference::Tensor& values) {
    Bound& bound = tensor(name);
    const std::vector<std::byte> bytes = encode(values, bound.info.dataType);
    if (bytes.size() != bound.buffer.size())
        throw std::invalid_argument("the plan wants another size of \"" + name + "\"");
    std::copy(bytes.begin(), bytes.end(), bound.buffer.mapped().begin());
}

reference::Tensor PlanBuffers::read(const std::string& name) const {
    const Bound& bound = tensor(name);
    const reference::Shape shape(bound.info.shape, bound.info.shape + bound.info.rank);
    return decode(bound.buffer.mapped().data(), bound.info.dataType, shape);
}

std::vector<std::byte> PlanBuffers::bytes(const std::string& name) const {
    const auto mapped = tensor(name).buffer.mapped();
    return {mapped.begin(), mapped.end()};
}

void recordUpload(const Plan& plan, VkCommandBuffer commandBuffer, const PlanBuffers& buffers) {
    EXPECT_NO_THROW(plan.cmdUpload(commandBuffer, buffers.uploadInfo()));
    host::fullBarrier(commandBuffer);
}

void recordRun(const Plan& plan, VkCommandBuffer commandBuffer, const PlanBuffers& buffers, uint32_t batch) {
    SacRunInfo info = buffers.runInfo();
    info.batch = batch;
    EXPECT_NO_THROW(plan.cmdRun(commandBuffer, info));
    host::fullBarrier(commandBuffer);
}

} // namespace saccade::test
