#include "graph/planner.hpp"

#include <algorithm>

namespace saccade {
namespace {

struct Lifetime {
    TensorId tensor;
    size_t first, last; // nodes; upload and run nodes never share a tensor of the workspace
};

std::pmr::vector<Lifetime> workspaceLifetimes(const Graph& graph) {
    std::pmr::memory_resource* memory = graph.nodes().get_allocator().resource();
    const size_t none = graph.nodes().size();
    std::pmr::vector<Lifetime> all(memory);
    all.reserve(graph.tensors().size());
    for (TensorId id = 0; id < graph.tensors().size(); ++id)
        all.push_back({id, none, 0});
    for (size_t n = 0; n < graph.nodes().size(); ++n)
        for (const TensorId id : graph.nodes()[n].tensors) {
            all[id].first = std::min(all[id].first, n);
            all[id].last = std::max(all[id].last, n);
        }
    std::erase_if(all, [&](const Lifetime& l) {
        return graph.tensor(l.tensor).memory != MemoryClass::workspace || l.first == none;
    });
    return all;
}

struct Range {
    MemoryClass memory;
    uint32_t external;
    uint64_t begin, end;
    bool write;

    bool conflicts(const Range& other) const {
        return (write || other.write) && memory == other.memory && external == other.external && begin < other.end &&
               other.begin < end;
    }
};

} // namespace

uint64_t planMemory(Graph& graph, bool alias) {
    std::pmr::vector<Lifetime> lifetimes = workspaceLifetimes(graph);
    // Not stable_sort, which takes its buffer from operator new.
    std::sort(lifetimes.begin(), lifetimes.end(), [&](const Lifetime& a, const Lifetime& b) {
        const uint64_t x = graph.tensor(a.tensor).bytes, y = graph.tensor(b.tensor).bytes;
        return x != y ? x > y : a.tensor < b.tensor;
    });
    uint64_t total = 0;
    std::pmr::vector<const Lifetime*> neighbours(graph.nodes().get_allocator().resource());
    for (size_t i = 0; i < lifetimes.size(); ++i) {
        const Lifetime& mine = lifetimes[i];
        neighbours.clear();
        for (size_t j = 0; j < i; ++j)
            if (!alias || (lifetimes[j].first <= mine.last && mine.first <= lifetimes[j].last))
                neighbours.push_back(&lifetimes[j]);
        std::sort(neighbours.begin(), neighbours.end(), [&](const Lifetime* a, const Lifetime* b) {
            return graph.tensor(a->tensor).offset < graph.tensor(b->tensor).offset;
        });
        Tensor& tensor = graph.tensor(mine.tensor);
        uint64_t offset = 0;
        for (const Lifetime* other : neighbours) {
            const Tensor& placed = graph.tensor(other->tensor);
            if (offset + tensor.bytes <= placed.offset)
                break;
            offset = std::max(offset, alignUp(placed.offset + placed.bytes, graph.offsetAlignment()));
        }
        tensor.offset = offset;
        total = std::max(total, offset + tensor.bytes);
    }
    return total;
}

void planBarriers(Graph& graph) {
    for (const Phase phase : {Phase::upload, Phase::run}) {
        std::pmr::vector<Range> pending(graph.nodes().get_allocator().resource());
        for (Node& node : graph.nodes()) {
            if (node.phase != phase)
                continue;
            const size_t before = pending.size();
            for (size_t i = 0; i < node.tensors.size(); ++i) {
                const Tensor& tensor = graph.tensor(node.tensors[i]);
                const bool write = node.dispatch.bindings[i].access != Access::read;
                pending.push_back({tensor.memory, tensor.external, tensor.offset, tensor.offset + tensor.bytes, write});
            }
            const auto own = pending.begin() + static_cast<std::ptrdiff_t>(before);
            node.barrier = std::any_of(own, pending.end(), [&](const Range& mine) {
                return std::any_of(pending.begin(), own, [&](const Range& other) { return mine.conflicts(other); });
            });
            if (node.barrier)
                pending.erase(pending.begin(), own);
        }
    }
}

} // namespace saccade
