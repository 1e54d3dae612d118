// SPDX-License-Identifier: Apache-2.0
#include "graph/dispatch_list.hpp"

#include <algorithm>
#include <type_traits>

#include "base/error.hpp"

namespace saccade {

namespace {

// Whether memory sees the binding: a tensor that several bindings of a dispatch share is read, or written, once.
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
                        wide(tensor.bytes), wide(limits.maxStorageBufferRange));
    }
}

// FNV-1a, 64 bits.
class Fnv {
public:
    void add(std::span<const std::byte> bytes) {
        for (const std::byte b : bytes)
            hash_ = (hash_ ^ static_cast<uint64_t>(b)) * 0x100000001b3u;
    }
    template <class T>
    void add(const T& value) {
        static_assert(std::has_unique_object_representations_v<T>);
        add(std::as_bytes(std::span(&value, 1)));
    }
    uint64_t value() const { return hash_; }

private:
    uint64_t hash_ = 0xcbf29ce484222325u;
};

} // namespace

void DispatchList::build(const Graph& graph, Phase phase, uint32_t batch, const DeviceProfile& limits) {
    batch_ = batch;
    dispatches_.reserve(static_cast<size_t>(std::count_if(graph.nodes().begin(), graph.nodes().end(),
                                                          [&](const Node& node) { return node.phase == phase; })));
    for (const Node& node : graph.nodes()) {
        if (node.phase != phase)
            continue;
        graph.tick();
        checkLimits(graph, node, limits);
        const Dispatch& dispatch = node.dispatch;
        PlacedDispatch& placed = dispatches_.emplace_back();
        placed.pipeline.shader = dispatch.shader;
        placed.pipeline.constants = dispatch.constants;
        placed.groups = dispatch.groups;
        placed.batched = node.batched;
        placed.barrier = node.barrier;
        placed.stage = node.stage;
        if (node.stage == stages_.size())
            stages_.push_back({std::pmr::string(node.label, stages_.get_allocator())});
        Stage& stage = stages_[node.stage];
        ++stage.dispatchCount;
        stage.flops += node.flops;
        for (size_t i = 0; i < node.tensors.size(); ++i) {
            const Tensor& tensor = graph.tensor(node.tensors[i]);
            placed.pipeline.kinds.push_back(dispatch.bindings[i].kind);
            placed.bindings.push_back(
                {tensor.memory, tensor.external, tensor.offset, tensor.bytes, dispatch.bindings[i].access});
            if (isCounted(node, i))
                stage.bytes += tensor.bytes;
        }
        placed.pipeline.kinds.push_back(BindingKind::uniformBuffer);
        placed.bindings.push_back({MemoryKind::parameters, 0, node.parameterOffset, dispatch.parameters.size});
    }
    for (const Stage& stage : stages_)
        bytes_ += stage.bytes;
}

uint32_t DispatchList::barrierCount() const {
    return static_cast<uint32_t>(std::count_if(dispatches_.begin(), dispatches_.end(),
                                               [](const PlacedDispatch& dispatch) { return dispatch.barrier; }));
}

uint64_t DispatchList::fingerprint(std::span<const std::byte> parameters) const {
    if (dispatches_.empty())
        return 0;
    Fnv hash;
    for (const PlacedDispatch& dispatch : dispatches_) {
        hash.add(dispatch.pipeline.shader);
        for (const uint32_t constant : dispatch.pipeline.constants)
            hash.add(constant);
        hash.add(dispatch.groups);
        for (const Binding& binding : dispatch.bindings) {
            hash.add(binding.memory);
            hash.add(binding.bytes);
            if (binding.memory == MemoryKind::parameters)
                hash.add(parameters.subspan(binding.offset, binding.bytes));
            else
                hash.add(binding.offset);
        }
    }
    return std::max(hash.value(), uint64_t{1});
}

std::array<uint32_t, 3> DispatchList::groups(uint32_t dispatch, uint32_t batch) const {
    if (batch == 0)
        return {0, 0, 0};
    const PlacedDispatch& d = dispatches_[dispatch];
    return {d.groups[0], d.groups[1], d.batched ? d.groups[2] / batch_ * batch : d.groups[2]};
}

std::pmr::vector<const PipelineKey*> distinctPipelines(std::initializer_list<const DispatchList*> lists,
                                                       std::pmr::memory_resource* memory) {
    std::pmr::vector<const PipelineKey*> distinct(memory);
    for (const DispatchList* list : lists)
        for (const PlacedDispatch& dispatch : list->dispatches())
            if (std::none_of(distinct.begin(), distinct.end(),
                             [&](const PipelineKey* key) { return *key == dispatch.pipeline; }))
                distinct.push_back(&dispatch.pipeline);
    return distinct;
}

} // namespace saccade
