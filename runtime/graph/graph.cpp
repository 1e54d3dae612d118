// SPDX-License-Identifier: Apache-2.0
#include "graph/graph.hpp"

#include <algorithm>
#include <cinttypes>
#include <utility>

#include "base/error.hpp"

namespace saccade {

namespace {

uint64_t product(const Shape& shape, uint64_t factor) {
    constexpr uint64_t limit = uint64_t{1} << 63; // so that rounding up cannot overflow either
    uint64_t count = factor;
    for (const uint64_t n : shape) {
        if (n && count > limit / n)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "a tensor takes more than 2^63 bytes: a dimension of %" PRIu64 " times %" PRIu64, n, count);
        count *= n;
    }
    return count;
}

} // namespace

uint64_t elementCount(const Shape& shape) { return product(shape, 1); }

uint64_t byteCount(const Shape& shape, DataType type) { return product(shape, dataTypeSize(type)); }

Graph::Graph(std::pmr::memory_resource* memory, uint64_t offsetAlignment, Progress* progress)
    : tensors_(memory), nodes_(memory), offsetAlignment_(offsetAlignment), progress_(progress) {}

TensorId Graph::declare(std::string_view name, DataType type, const Shape& shape, MemoryKind memory) {
    Tensor tensor{std::pmr::string(name, tensors_.get_allocator().resource())};
    tensor.type = type;
    tensor.memory = memory;
    tensor.shape = shape;
    tensor.bytes = alignUp(byteCount(shape, type), 4);
    tensors_.push_back(std::move(tensor));
    return static_cast<TensorId>(tensors_.size() - 1);
}

uint64_t Graph::place(TensorId id, uint64_t& end) {
    const uint64_t offset = alignUp(end, offsetAlignment_);
    end = offset + tensors_[id].bytes;
    return tensors_[id].offset = offset;
}

TensorId Graph::weight(std::string_view name, DataType type, uint64_t elements, uint64_t offset) {
    const TensorId id = declare(name, type, {elements}, MemoryKind::weights);
    tensors_[id].offset = offset;
    return id;
}

TensorId Graph::intermediate(std::string_view name, DataType type, const Shape& shape) {
    return declare(name, type, shape, MemoryKind::workspace);
}

TensorId Graph::table(std::string_view name, DataType type, const Shape& shape) {
    const TensorId id = declare(name, type, shape, MemoryKind::tables);
    place(id, tableBytes_);
    return id;
}

TensorId Graph::state(std::string_view name, DataType type, const Shape& shape) {
    const TensorId id = declare(name, type, shape, MemoryKind::state);
    place(id, stateBytes_);
    return id;
}

TensorId Graph::external(std::string_view name, DataType type, const Shape& shape) {
    const TensorId id = declare(name, type, shape, MemoryKind::external);
    tensors_[id].external = externalCount_++;
    return id;
}

TensorId Graph::externalImage(std::string_view name, uint64_t bytes) {
    const TensorId id = external(name, DataType::u8, {bytes});
    tensors_[id].image = true;
    return id;
}

void Graph::add(std::string_view label, const Kernel& kernel, std::span<const TensorId> operands, Phase phase) {
    if (operands.size() != kernel.operandCount)
        throw Error(SAC_ERROR_INTERNAL, "node \"%.*s\" has %zu operands, its kernel declares %u", clip(label),
                    label.data(), operands.size(), kernel.operandCount);
    tick();
    std::pmr::memory_resource* memory = nodes_.get_allocator().resource();
    FixedVector<TensorId, 16> ids(operands);
    if (!kernel.scratchBytes.empty()) {
        std::pmr::string scratch(label, memory);
        scratch += " scratch";
        for (const uint64_t bytes : kernel.scratchBytes)
            ids.push_back(intermediate(scratch, DataType::u8, {bytes}));
    }
    const uint32_t stage = stageCounts_[static_cast<size_t>(phase)];
    uint64_t flops = kernel.flops;
    for (const Dispatch& dispatch : kernel.dispatches) {
        Node node{std::pmr::string(label, memory)};
        node.phase = phase;
        node.stage = stage;
        node.flops = std::exchange(flops, 0);
        node.dispatch = dispatch;
        node.batched = kernel.batched;
        node.parameterOffset = parameterBytes_;
        parameterBytes_ += alignUp(dispatch.parameters.size, parameterAlignment);
        for (const OperandUse& use : dispatch.bindings)
            node.tensors.push_back(ids[use.operand]);
        nodes_.push_back(std::move(node));
    }
    if (!kernel.dispatches.empty())
        ++stageCounts_[static_cast<size_t>(phase)];
    if (phase == Phase::run)
        flops_ += kernel.flops;
}

void Graph::writeParameters(std::span<std::byte> out) const {
    std::fill(out.begin(), out.end(), std::byte{0});
    for (const Node& node : nodes_) {
        const Parameters& block = node.dispatch.parameters;
        std::copy_n(block.bytes.begin(), block.size, out.begin() + static_cast<std::ptrdiff_t>(node.parameterOffset));
    }
}

} // namespace saccade
