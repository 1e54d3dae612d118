// SPDX-License-Identifier: Apache-2.0
#include "graph/planner.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <span>
#include <tuple>

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
        return graph.tensor(l.tensor).memory != MemoryKind::workspace || l.first == none;
    });
    return all;
}

/// Lifetimes by the nodes they meet: a segment tree over the nodes, whose vertices hold lists. Adding one costs
/// O(log nodes), and so does a question beyond what it answers.
class LifetimeTree {
public:
    LifetimeTree(size_t nodes, std::pmr::memory_resource* memory)
        : leaves_(std::bit_ceil(nodes)), spans_(2 * leaves_, none, memory), starts_(2 * leaves_, none, memory),
          entries_(memory) {}

    void add(const Lifetime& lifetime) {
        forEachCover(lifetime.first, lifetime.last, [&](size_t vertex) { push(spans_[vertex], lifetime); });
        for (size_t vertex = leaves_ + lifetime.first; vertex; vertex /= 2)
            push(starts_[vertex], lifetime);
    }

    /// Calls `visit` once with each lifetime that meets `lifetime`: those alive at its first node, and those that begin
    /// after that and before it ends.
    template <class Visit>
    void forEachMeeting(const Lifetime& lifetime, const Visit& visit) const {
        for (size_t vertex = leaves_ + lifetime.first; vertex; vertex /= 2)
            walk(spans_[vertex], visit);
        if (lifetime.first < lifetime.last)
            forEachCover(lifetime.first + 1, lifetime.last, [&](size_t vertex) { walk(starts_[vertex], visit); });
    }

private:
    static constexpr size_t none = ~size_t{0};
    struct Entry {
        const Lifetime* lifetime;
        size_t next;
    };

    // The vertices whose leaves together are the nodes from first to last.
    template <class Visit>
    void forEachCover(size_t first, size_t last, const Visit& visit) const {
        for (size_t low = leaves_ + first, high = leaves_ + last + 1; low < high; low /= 2, high /= 2) {
            if (low % 2)
                visit(low++);
            if (high % 2)
                visit(--high);
        }
    }

    void push(size_t& head, const Lifetime& lifetime) {
        entries_.push_back({&lifetime, head});
        head = entries_.size() - 1;
    }

    template <class Visit>
    void walk(size_t entry, const Visit& visit) const {
        for (; entry != none; entry = entries_[entry].next)
            visit(*entries_[entry].lifetime);
    }

    size_t leaves_;
    std::pmr::vector<size_t> spans_;  ///< of each vertex: lifetimes that cover its leaves, but not its parent's
    std::pmr::vector<size_t> starts_; ///< of each vertex: lifetimes that begin at one of its leaves
    std::pmr::vector<Entry> entries_;
};

/// Bytes of memory classes and external tensors, as disjoint ranges.
class ByteSet {
public:
    explicit ByteSet(std::pmr::memory_resource* memory) : ranges_(memory) {}

    void add(const Tensor& tensor) {
        uint64_t begin = tensor.offset, end = begin + tensor.bytes;
        for (auto range = firstMeeting(tensor); range != ranges_.end() && starts(range, tensor);) {
            begin = std::min(begin, std::get<2>(range->first));
            end = std::max(end, range->second);
            range = ranges_.erase(range);
        }
        ranges_.emplace(Place(tensor.memory, tensor.external, begin), end);
    }

    bool meets(const Tensor& tensor) const {
        const auto range = firstMeeting(tensor);
        return range != ranges_.end() && starts(range, tensor);
    }

    void clear() { ranges_.clear(); }

private:
    using Place = std::tuple<MemoryKind, uint32_t, uint64_t>;
    using Ranges = std::pmr::map<Place, uint64_t>; ///< to the end of what begins there

    // The first range that ends behind where the tensor begins.
    Ranges::const_iterator firstMeeting(const Tensor& tensor) const {
        auto range = ranges_.upper_bound(Place(tensor.memory, tensor.external, tensor.offset));
        if (range == ranges_.begin())
            return range;
        const auto before = std::prev(range);
        const auto& [memory, external, begin] = before->first;
        return memory == tensor.memory && external == tensor.external && before->second > tensor.offset ? before
                                                                                                        : range;
    }

    static bool starts(Ranges::const_iterator range, const Tensor& tensor) {
        return range->first < Place(tensor.memory, tensor.external, tensor.offset + tensor.bytes);
    }

    Ranges ranges_;
};

// The following set the offsets of the tensors, which come by size, and return the bytes of all.

uint64_t shareNothing(Graph& graph, std::span<const Lifetime> lifetimes) {
    uint64_t total = 0;
    for (const Lifetime& mine : lifetimes) {
        graph.tick();
        Tensor& tensor = graph.tensor(mine.tensor);
        tensor.offset = alignUp(total, graph.offsetAlignment());
        total = tensor.offset + tensor.bytes;
    }
    return total;
}

uint64_t shareBytes(Graph& graph, std::span<const Lifetime> lifetimes) {
    std::pmr::memory_resource* memory = graph.nodes().get_allocator().resource();
    LifetimeTree placed(graph.nodes().size(), memory);
    std::pmr::vector<const Tensor*> neighbours(memory);
    uint64_t total = 0;
    for (const Lifetime& mine : lifetimes) {
        graph.tick();
        Tensor& tensor = graph.tensor(mine.tensor);
        neighbours.clear();
        placed.forEachMeeting(mine, [&](const Lifetime& other) { neighbours.push_back(&graph.tensor(other.tensor)); });
        std::sort(neighbours.begin(), neighbours.end(),
                  [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; });
        uint64_t offset = 0;
        for (const Tensor* other : neighbours) {
            if (offset + tensor.bytes <= other->offset)
                break;
            offset = std::max(offset, alignUp(other->offset + other->bytes, graph.offsetAlignment()));
        }
        tensor.offset = offset;
        total = std::max(total, offset + tensor.bytes);
        placed.add(mine);
    }
    return total;
}

/// Buffers, and which of them each tensor has.
struct BufferPlan {
    explicit BufferPlan(const Graph& graph)
        : sizes(graph.nodes().get_allocator().resource()), bufferOf(graph.tensors().size(), sizes.get_allocator()) {}

    uint64_t bytes(uint64_t alignment) const {
        uint64_t total = 0;
        for (const uint64_t size : sizes)
            total = alignUp(total, alignment) + size;
        return total;
    }

    std::pmr::vector<uint64_t> sizes;
    std::pmr::vector<size_t> bufferOf;
};

// Gives each tensor in turn the smallest free buffer that is large enough, else the largest free one, which grows, else
// a new one.
BufferPlan assignBuffers(const Graph& graph, std::span<const Lifetime> lifetimes) {
    BufferPlan plan(graph);
    LifetimeTree placed(graph.nodes().size(), plan.sizes.get_allocator().resource());
    std::pmr::vector<TensorId> lastMet(
        plan.sizes.get_allocator()); // of each buffer: the last tensor that found it taken
    for (const Lifetime& mine : lifetimes) {
        graph.tick();
        const uint64_t bytes = graph.tensor(mine.tensor).bytes;
        placed.forEachMeeting(mine, [&](const Lifetime& other) { lastMet[plan.bufferOf[other.tensor]] = mine.tensor; });
        const auto isBetter = [&](uint64_t size, uint64_t than) {
            return size < bytes || than < bytes ? size > than : size < than;
        };
        size_t best = plan.sizes.size();
        for (size_t i = 0; i < plan.sizes.size(); ++i)
            if (lastMet[i] != mine.tensor && (best == plan.sizes.size() || isBetter(plan.sizes[i], plan.sizes[best])))
                best = i;
        if (best == plan.sizes.size()) {
            plan.sizes.push_back(bytes);
            lastMet.push_back(noTensor);
        }
        plan.sizes[best] = std::max(plan.sizes[best], bytes);
        plan.bufferOf[mine.tensor] = best;
        placed.add(mine);
    }
    return plan;
}

uint64_t shareBuffers(Graph& graph, std::span<Lifetime> lifetimes) {
    const BufferPlan bySize = assignBuffers(graph, lifetimes);
    std::sort(lifetimes.begin(), lifetimes.end(), [](const Lifetime& a, const Lifetime& b) {
        return a.first != b.first ? a.first < b.first : a.tensor < b.tensor;
    });
    const BufferPlan byTime = assignBuffers(graph, lifetimes);
    const uint64_t alignment = graph.offsetAlignment();
    const BufferPlan& plan = byTime.bytes(alignment) < bySize.bytes(alignment) ? byTime : bySize;
    std::pmr::vector<uint64_t> offsets(plan.sizes.get_allocator());
    uint64_t total = 0;
    for (const uint64_t size : plan.sizes) {
        offsets.push_back(alignUp(total, alignment));
        total = offsets.back() + size;
    }
    for (const Lifetime& mine : lifetimes)
        graph.tensor(mine.tensor).offset = offsets[plan.bufferOf[mine.tensor]];
    return total;
}

} // namespace

uint64_t planMemory(Graph& graph, Sharing sharing) {
    std::pmr::vector<Lifetime> lifetimes = workspaceLifetimes(graph);
    // Not stable_sort, which takes its buffer from operator new.
    std::sort(lifetimes.begin(), lifetimes.end(), [&](const Lifetime& a, const Lifetime& b) {
        const uint64_t x = graph.tensor(a.tensor).bytes, y = graph.tensor(b.tensor).bytes;
        return x != y ? x > y : a.tensor < b.tensor;
    });
    switch (sharing) {
    case Sharing::bytes:
        return shareBytes(graph, lifetimes);
    case Sharing::buffers:
        return shareBuffers(graph, lifetimes);
    default:
        return shareNothing(graph, lifetimes);
    }
}

void planBarriers(Graph& graph) {
    std::pmr::memory_resource* memory = graph.nodes().get_allocator().resource();
    for (const Phase phase : {Phase::upload, Phase::run}) {
        ByteSet read(memory), written(memory); // since the last barrier
        for (Node& node : graph.nodes()) {
            if (node.phase != phase)
                continue;
            graph.tick();
            const auto writes = [&](size_t i) { return node.dispatch.bindings[i].access != Access::read; };
            node.barrier = false;
            for (size_t i = 0; i < node.tensors.size() && !node.barrier; ++i) {
                const Tensor& tensor = graph.tensor(node.tensors[i]);
                node.barrier = written.meets(tensor) || (writes(i) && read.meets(tensor));
            }
            if (node.barrier) {
                read.clear();
                written.clear();
            }
            for (size_t i = 0; i < node.tensors.size(); ++i)
                (writes(i) ? written : read).add(graph.tensor(node.tensors[i]));
        }
    }
}

} // namespace saccade
