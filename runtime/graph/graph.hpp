// SPDX-License-Identifier: Apache-2.0
// A computation as tensors and dispatches in order, before it has memory.
//
// Modules build it: they declare tensors and add kernels over them. What a kind of memory means is the engine's
// business (sacGetPlanMemory); the graph only keeps apart what lives where. Nodes run in the order they were added.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/data_type.hpp"
#include "base/feedback.hpp"
#include "base/fixed_vector.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

using Shape = FixedVector<uint64_t, 8>;

/// Product of the dimensions. Throws SAC_ERROR_UNSUPPORTED where it, or byteCount, passes 2^63.
uint64_t elementCount(const Shape& shape);
/// Bytes of as many elements of `type`.
uint64_t byteCount(const Shape& shape, DataType type);

/// Which memory a tensor lives in; numbered as SacMemoryKind.
enum class MemoryKind : uint8_t { weights, tables, workspace, state, parameters, external };
constexpr uint32_t memoryKindCount = 6;

/// Upload nodes run once, recorded by sacCmdUpload; run nodes by every sacCmdRun.
enum class Phase : uint8_t { upload, run };

/// Distance of parameter blocks: the largest minUniformBufferOffsetAlignment that Vulkan allows, so that equal graphs
/// have equal blocks on all devices.
constexpr uint64_t parameterAlignment = 256;

using TensorId = uint32_t;
constexpr TensorId noTensor = ~0u;

struct Tensor {
    std::pmr::string name;
    DataType type = DataType::f32;
    MemoryKind memory = MemoryKind::workspace;
    Shape shape{};
    uint64_t bytes = 0;    ///< rounded up to 4
    uint64_t offset = 0;   ///< in its memory; of workspace tensors set by planMemory
    uint32_t external = 0; ///< of external tensors: their number, in order of declaration
    bool image = false;    ///< an external one that is an image
};

struct Node {
    std::pmr::string label;
    Phase phase = Phase::run;
    uint32_t stage = 0; ///< the operator it belongs to, numbered within its phase
    uint64_t flops = 0; ///< of the whole operator, with its first dispatch
    Dispatch dispatch{};
    FixedVector<TensorId, maxBindings> tensors{}; ///< of each binding
    bool batched = true;
    bool barrier = false;         ///< a barrier stands before it; set by planBarriers
    uint64_t parameterOffset = 0; ///< of its block in the plan's parameters
};

class Graph {
public:
    /// `progress`, which outlives the graph, is asked whether to go on while the graph is built and planned; null:
    /// nobody.
    Graph(std::pmr::memory_resource* memory, uint64_t offsetAlignment, Progress* progress = nullptr);

    /// A tensor at a known place of the weights.
    TensorId weight(std::string_view name, DataType type, uint64_t elements, uint64_t offset);
    /// A tensor in the workspace, alive from its first to its last use.
    TensorId intermediate(std::string_view name, DataType type, const Shape& shape);
    /// A tensor that upload nodes fill and run nodes read.
    TensorId table(std::string_view name, DataType type, const Shape& shape);
    /// A tensor that keeps its contents from run to run.
    TensorId state(std::string_view name, DataType type, const Shape& shape);
    /// A tensor that the caller binds.
    TensorId external(std::string_view name, DataType type, const Shape& shape);

    /// An image that the caller binds, of `bytes` in all.
    TensorId externalImage(std::string_view name, uint64_t bytes);

    /// Adds a stage: the kernel's dispatches over `operands`, one tensor for each operand it declares; noTensor for one
    /// that the description switched off. The label names them in debuggers and timings.
    void add(std::string_view label, const Kernel& kernel, std::span<const TensorId> operands,
             Phase phase = Phase::run);
    void add(std::string_view label, const Kernel& kernel, std::initializer_list<TensorId> operands,
             Phase phase = Phase::run) {
        add(label, kernel, std::span(operands.begin(), operands.size()), phase);
    }

    const Tensor& tensor(TensorId id) const { return tensors_[id]; }
    Tensor& tensor(TensorId id) { return tensors_[id]; }
    std::pmr::vector<Tensor>& tensors() { return tensors_; }
    const std::pmr::vector<Tensor>& tensors() const { return tensors_; }
    std::pmr::vector<Node>& nodes() { return nodes_; }
    const std::pmr::vector<Node>& nodes() const { return nodes_; }

    uint64_t parameterBytes() const { return parameterBytes_; } ///< of the blocks of all nodes
    /// Writes the blocks, with zeros between them, to `out` of parameterBytes().
    void writeParameters(std::span<std::byte> out) const;
    uint64_t tableBytes() const { return tableBytes_; }
    uint64_t stateBytes() const { return stateBytes_; }
    uint64_t flops() const { return flops_; } ///< of one run
    uint64_t offsetAlignment() const { return offsetAlignment_; }

    /// A small step of building or planning begins. Throws SAC_ERROR_CANCELLED.
    void tick() const {
        if (progress_)
            progress_->tick();
    }

private:
    TensorId declare(std::string_view name, DataType type, const Shape& shape, MemoryKind memory);
    uint64_t place(TensorId id, uint64_t& end);

    std::pmr::vector<Tensor> tensors_;
    std::pmr::vector<Node> nodes_;
    uint64_t offsetAlignment_;
    Progress* progress_;
    uint32_t externalCount_ = 0;
    uint64_t parameterBytes_ = 0;
    uint64_t tableBytes_ = 0;
    uint64_t stateBytes_ = 0;
    uint64_t flops_ = 0;
    std::array<uint32_t, 2> stageCounts_{}; ///< of each phase
};

constexpr uint64_t alignUp(uint64_t n, uint64_t alignment) { return (n + alignment - 1) / alignment * alignment; }

} // namespace saccade
