// SPDX-License-Identifier: Apache-2.0
// The dispatches of one phase of a planned graph, in order: everything about them that is known without a device.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "base/device_profile.hpp"
#include "graph/graph.hpp"

namespace saccade {

using BindingKinds = FixedVector<BindingKind, maxBindings>;

/// What a compute pipeline is made from. Dispatches with equal keys share one.
struct PipelineKey {
    Shader shader{};
    FixedVector<uint32_t, maxConstants> constants; ///< by constant_id
    BindingKinds kinds;                            ///< of the bindings of set 0

    friend bool operator==(const PipelineKey&, const PipelineKey&) = default;
};

/// Where a binding finds its bytes.
struct Binding {
    MemoryKind memory = MemoryKind::workspace;
    uint32_t external = 0; ///< of external tensors: their number
    uint64_t offset = 0;   ///< in its memory
    uint64_t bytes = 0;
    Access access = Access::read;
};

/// A dispatch with its place in memory and in the order.
struct PlacedDispatch {
    PipelineKey pipeline;
    FixedVector<Binding, maxBindings> bindings; ///< of the operands, then the parameters
    std::array<uint32_t, 3> groups{1, 1, 1};    ///< for the planned batch
    bool batched = true;
    bool barrier = false; ///< one stands before it
    uint32_t stage = 0;
};

/// One operator of the graph: what timings and labels name.
struct Stage {
    std::pmr::string label;
    uint32_t dispatchCount = 0;
    uint64_t flops = 0;
    uint64_t bytes = 0; ///< that its dispatches read and write, each tensor once a dispatch and direction
};

class DispatchList {
public:
    explicit DispatchList(std::pmr::memory_resource* memory) : dispatches_(memory), stages_(memory) {}

    /// Takes the nodes of `phase`, whose memory and barriers are planned, for a batch of at most `batch`. Throws
    /// SAC_ERROR_UNSUPPORTED naming a node beyond the device's limits. Call once.
    void build(const Graph& graph, Phase phase, uint32_t batch, const DeviceProfile& limits);

    std::span<const PlacedDispatch> dispatches() const { return dispatches_; }
    std::span<const Stage> stages() const { return stages_; }
    uint64_t bytes() const { return bytes_; } ///< of all stages together
    uint32_t barrierCount() const;

    /// A number that two lists share if they do the same to the same places, external tensors aside. `parameters` are
    /// the graph's. 0 for an empty list.
    uint64_t fingerprint(std::span<const std::byte> parameters) const;

    /// Workgroups of a dispatch for the first `batch` entries.
    std::array<uint32_t, 3> groups(uint32_t dispatch, uint32_t batch) const;

private:
    std::pmr::vector<PlacedDispatch> dispatches_;
    std::pmr::vector<Stage> stages_;
    uint32_t batch_ = 1;
    uint64_t bytes_ = 0;
};

/// The pipelines that `lists` need together, in the order in which they are first used. Points into the lists.
std::pmr::vector<const PipelineKey*> distinctPipelines(std::initializer_list<const DispatchList*> lists,
                                                       std::pmr::memory_resource* memory);

} // namespace saccade
