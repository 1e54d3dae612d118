// SPDX-License-Identifier: Apache-2.0
// Memory and barriers of hand-made and random graphs, judged by the definition of a hazard rather than by the planner.
#include "graph/planner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <initializer_list>
#include <memory_resource>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace saccade::test {
namespace {

struct Use {
    TensorId tensor;
    Access access;
};

// One dispatch over `uses`.
void addNode(Graph& graph, const std::vector<Use>& uses, Phase phase = Phase::run) {
    Kernel kernel;
    kernel.operandCount = static_cast<uint32_t>(uses.size());
    Dispatch dispatch;
    std::vector<TensorId> operands;
    for (const Use& use : uses) {
        dispatch.bindings.push_back({static_cast<uint8_t>(operands.size()), use.access});
        operands.push_back(use.tensor);
    }
    kernel.dispatches.push_back(dispatch);
    graph.add("node", kernel, operands, phase);
}

constexpr uint32_t alignment = 64;

class Planner : public ::testing::Test {
protected:
    TensorId intermediate(uint64_t bytes) { return graph.intermediate("t", DataType::u8, {bytes}); }
    TensorId external() { return graph.external("e", DataType::f32, {16}); }
    void node(const std::vector<Use>& uses, Phase phase = Phase::run) { addNode(graph, uses, phase); }

    std::vector<bool> barriers() {
        planMemory(graph, Sharing::bytes);
        planBarriers(graph);
        std::vector<bool> out;
        for (const Node& n : graph.nodes())
            out.push_back(n.barrier);
        return out;
    }

    Graph graph{std::pmr::new_delete_resource(), alignment};
};

using Barriers = std::vector<bool>;

TEST_F(Planner, readAfterWriteWaits) {
    const TensorId a = external(), b = external(), c = external();
    node({{a, Access::read}, {b, Access::write}});
    node({{b, Access::read}, {c, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, true}));
}

TEST_F(Planner, writeAfterReadWaits) {
    const TensorId a = external(), b = external(), c = external();
    node({{a, Access::read}, {b, Access::write}});
    node({{c, Access::read}, {a, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, true}));
}

TEST_F(Planner, writeAfterWriteWaits) {
    const TensorId a = external();
    node({{a, Access::write}});
    node({{a, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, true}));
}

TEST_F(Planner, readWriteWaitsBothWays) {
    const TensorId a = external(), b = external(), c = external();
    node({{a, Access::read}, {b, Access::write}});
    node({{a, Access::readWrite}});
    node({{a, Access::read}, {c, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, true, true}));
}

TEST_F(Planner, readersOfOneTensorRunSideBySide) {
    const TensorId a = external(), b = external(), c = external(), d = external();
    node({{a, Access::read}, {b, Access::write}});
    node({{a, Access::read}, {c, Access::write}});
    node({{a, Access::read}, {d, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, false, false}));
}

TEST_F(Planner, oneBarrierCoversAllBeforeIt) {
    const TensorId a = external(), b = external(), c = external(), d = external(), e = external(), f = external();
    node({{a, Access::read}, {b, Access::write}});
    node({{a, Access::read}, {c, Access::write}});
    node({{b, Access::read}, {d, Access::write}}); // waits, and c is visible from here as well
    node({{c, Access::read}, {e, Access::write}});
    node({{d, Access::read}, {f, Access::write}}); // d is younger than the barrier
    EXPECT_EQ(barriers(), (Barriers{false, false, true, false, true}));
}

TEST_F(Planner, classesAreApartThoughOffsetsAreEqual) {
    const TensorId weight = graph.weight("w", DataType::f32, 16, 0), table = graph.table("t", DataType::f32, {16}),
                   state = graph.state("s", DataType::f32, {16}), work = intermediate(64), outside = external();
    node({{weight, Access::read}, {outside, Access::write}});
    node({{weight, Access::read}, {table, Access::write}});
    node({{weight, Access::read}, {state, Access::write}});
    node({{weight, Access::read}, {work, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, false, false, false}));
}

TEST_F(Planner, tensorsOfOneClassAreApart) {
    const TensorId s = graph.state("s", DataType::f32, {3}), t = graph.state("t", DataType::f32, {3});
    EXPECT_EQ(graph.tensor(s).offset, 0u);
    EXPECT_EQ(graph.tensor(t).offset, alignment);
    EXPECT_EQ(graph.stateBytes(), alignment + 12u);
    node({{s, Access::write}});
    node({{t, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, false}));
}

TEST_F(Planner, sharedMemoryWaitsWhereTensorsDoNot) {
    // b dies at the second node, d takes its bytes at the third while nothing else connects the two.
    const TensorId a = external(), b = intermediate(256), c = external(), d = intermediate(256);
    node({{a, Access::read}, {b, Access::write}});
    node({{b, Access::read}, {c, Access::write}});
    node({{a, Access::read}, {d, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, true, true}));
    EXPECT_EQ(graph.tensor(b).offset, graph.tensor(d).offset);

    EXPECT_EQ(planMemory(graph, Sharing::none), 512u);
    planBarriers(graph);
    EXPECT_NE(graph.tensor(b).offset, graph.tensor(d).offset);
    EXPECT_FALSE(graph.nodes()[2].barrier);
}

TEST_F(Planner, phasesAreApart) {
    // Upload and run lie in different command buffers: the engine's barrier stands between them.
    const TensorId table = graph.table("t", DataType::f32, {16}), a = external();
    node({{table, Access::write}}, Phase::upload);
    node({{table, Access::read}, {a, Access::write}});
    EXPECT_EQ(barriers(), (Barriers{false, false}));
    node({{table, Access::readWrite}}, Phase::upload);
    EXPECT_EQ(barriers(), (Barriers{false, false, true}));
}

TEST_F(Planner, chainNeedsTwoBuffers) {
    std::vector<TensorId> t;
    for (int i = 0; i < 6; ++i)
        t.push_back(intermediate(1000));
    for (int i = 0; i < 5; ++i)
        node({{t[static_cast<size_t>(i)], Access::read}, {t[static_cast<size_t>(i) + 1], Access::write}});
    EXPECT_EQ(planMemory(graph, Sharing::bytes), 1024u + 1000u);
    EXPECT_EQ(planMemory(graph, Sharing::none), 5 * 1024u + 1000u);
}

TEST_F(Planner, buffersAreSharedWhole) {
    std::vector<TensorId> t;
    for (const uint64_t bytes : {1000, 600, 500, 100})
        t.push_back(intermediate(bytes));
    node({{t[0], Access::write}});
    for (size_t i = 0; i < 3; ++i)
        node({{t[i], Access::read}, {t[i + 1], Access::write}});
    EXPECT_EQ(planMemory(graph, Sharing::buffers), 1024u + 600u);
    std::vector<uint64_t> offsets;
    for (const TensorId id : t)
        offsets.push_back(graph.tensor(id).offset);
    EXPECT_EQ(offsets, (std::vector<uint64_t>{0, 1024, 0, 1024}));
}

TEST_F(Planner, unusedTensorsTakeNothing) {
    intermediate(1 << 20);
    const TensorId used = intermediate(100);
    node({{used, Access::write}});
    EXPECT_EQ(planMemory(graph, Sharing::bytes), 100u);
}

TEST_F(Planner, scratchIsPrivateToItsKernel) {
    Kernel kernel;
    kernel.operandCount = 1;
    kernel.scratchBytes.push_back(100);
    Dispatch first, second;
    first.bindings = {{0, Access::read}, {1, Access::write}};
    second.bindings = {{1, Access::read}, {0, Access::write}};
    kernel.dispatches.push_back(first);
    kernel.dispatches.push_back(second);
    const TensorId a = external();
    graph.add("twice", kernel, {a});
    graph.add("twice", kernel, {a});
    EXPECT_EQ(barriers(), (Barriers{false, true, true, true}));
    EXPECT_EQ(planMemory(graph, Sharing::bytes), 100u);
    EXPECT_EQ(planMemory(graph, Sharing::none), 128u + 100u);
}

TEST_F(Planner, wrongNumberOfOperandsIsADefect) {
    Kernel kernel;
    kernel.operandCount = 2;
    try {
        graph.add("gemm", kernel, {external()});
        FAIL() << "an operand is missing";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), SAC_ERROR_INTERNAL);
        EXPECT_NE(std::string(error.what()).find("gemm"), std::string::npos) << error.what();
    }
}

// ---- Random graphs

struct Range {
    uint64_t begin, end;
    bool meets(const Range& other) const { return begin < other.end && other.begin < end; }
};
Range bytesOf(const Tensor& tensor) { return {tensor.offset, tensor.offset + tensor.bytes}; }

bool hazard(const Graph& graph, const Node& a, const Node& b) {
    for (size_t i = 0; i < a.tensors.size(); ++i)
        for (size_t j = 0; j < b.tensors.size(); ++j) {
            const Tensor &s = graph.tensor(a.tensors[i]), &t = graph.tensor(b.tensors[j]);
            const bool written =
                a.dispatch.bindings[i].access != Access::read || b.dispatch.bindings[j].access != Access::read;
            const bool samePlace = s.memory == MemoryKind::external
                                       ? a.tensors[i] == b.tensors[j]
                                       : s.memory == t.memory && bytesOf(s).meets(bytesOf(t));
            if (written && samePlace)
                return true;
        }
    return false;
}

// Every hazard between nodes has a barrier between them, and every barrier has a hazard it is for.
void checkBarriers(const Graph& graph) {
    const auto& nodes = graph.nodes();
    size_t since = 0; // the node of the last barrier
    for (size_t j = 0; j < nodes.size(); ++j) {
        bool needed = false;
        for (size_t i = since; i < j; ++i)
            needed = needed || hazard(graph, nodes[i], nodes[j]);
        EXPECT_EQ(nodes[j].barrier, needed) << "node " << j;
        if (nodes[j].barrier)
            since = j;
    }
}

void checkMemory(const Graph& graph, uint64_t total, Sharing sharing) {
    const auto& tensors = graph.tensors();
    std::vector<std::vector<bool>> alive(tensors.size(), std::vector<bool>(graph.nodes().size()));
    for (TensorId id = 0; id < tensors.size(); ++id) {
        size_t first = graph.nodes().size(), last = 0;
        for (size_t n = 0; n < graph.nodes().size(); ++n)
            for (const TensorId used : graph.nodes()[n].tensors)
                if (used == id)
                    first = std::min(first, n), last = n;
        for (size_t n = first; n <= last && n < graph.nodes().size(); ++n)
            alive[id][n] = true;
    }
    for (TensorId a = 0; a < tensors.size(); ++a) {
        const bool usedA = std::find(alive[a].begin(), alive[a].end(), true) != alive[a].end();
        if (tensors[a].memory != MemoryKind::workspace || !usedA)
            continue;
        EXPECT_EQ(tensors[a].offset % alignment, 0u);
        EXPECT_LE(bytesOf(tensors[a]).end, total);
        for (TensorId b = 0; b < a; ++b) {
            if (tensors[b].memory != MemoryKind::workspace)
                continue;
            const bool usedB = std::find(alive[b].begin(), alive[b].end(), true) != alive[b].end();
            bool together = sharing == Sharing::none && usedB;
            for (size_t n = 0; n < graph.nodes().size(); ++n)
                together = together || (alive[a][n] && alive[b][n]);
            const bool meet = usedB && bytesOf(tensors[a]).meets(bytesOf(tensors[b]));
            EXPECT_FALSE(together && meet) << "tensors " << a << ", " << b;
            if (sharing == Sharing::buffers && meet) {
                EXPECT_EQ(tensors[a].offset, tensors[b].offset) << "tensors " << a << ", " << b;
            }
        }
    }
}

// The workspace of greedy placement by size, each tensor against all placed before it.
uint64_t greedyWorkspace(const Graph& graph) {
    struct Placed {
        size_t first, last;
        Range bytes;
    };
    std::vector<TensorId> order;
    std::vector<Placed> lives(graph.tensors().size(), {graph.nodes().size(), 0, {}});
    for (TensorId id = 0; id < graph.tensors().size(); ++id) {
        for (size_t n = 0; n < graph.nodes().size(); ++n)
            for (const TensorId used : graph.nodes()[n].tensors)
                if (used == id)
                    lives[id].first = std::min(lives[id].first, n), lives[id].last = n;
        if (graph.tensor(id).memory == MemoryKind::workspace && lives[id].first <= lives[id].last)
            order.push_back(id);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](TensorId a, TensorId b) { return graph.tensor(a).bytes > graph.tensor(b).bytes; });
    uint64_t total = 0;
    for (size_t i = 0; i < order.size(); ++i) {
        Placed& mine = lives[order[i]];
        mine.bytes = {0, graph.tensor(order[i]).bytes};
        for (bool moved = true; moved;) {
            moved = false;
            for (size_t j = 0; j < i; ++j) {
                const Placed& other = lives[order[j]];
                if (other.first > mine.last || mine.first > other.last || !mine.bytes.meets(other.bytes))
                    continue;
                const uint64_t begin = alignUp(other.bytes.end, alignment);
                mine.bytes = {begin, begin + graph.tensor(order[i]).bytes};
                moved = true;
            }
        }
        total = std::max(total, mine.bytes.end);
    }
    return total;
}

TEST(RandomGraphs, keepApartWhatLivesTogetherAndWaitWhereNeeded) {
    for (unsigned seed = 1; seed <= 500; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        const auto below = [&](unsigned n) { return static_cast<uint32_t>(random() % n); };
        Graph graph(std::pmr::new_delete_resource(), alignment);
        const uint32_t count = 3 + below(20);
        for (uint32_t i = 0; i < count; ++i) {
            if (below(4) == 0)
                graph.external("e", DataType::f32, {1 + below(50)});
            else
                graph.intermediate("t", DataType::f32, {1 + below(500)});
        }
        for (uint32_t n = 2 + below(25); n > 0; --n) {
            std::vector<Use> uses;
            for (uint32_t i = 1 + below(4); i > 0; --i)
                uses.push_back({below(count), static_cast<Access>(below(3))});
            addNode(graph, uses);
        }
        for (const Sharing sharing : {Sharing::bytes, Sharing::buffers, Sharing::none}) {
            const uint64_t workspace = planMemory(graph, sharing);
            checkMemory(graph, workspace, sharing);
            if (sharing == Sharing::bytes) {
                EXPECT_EQ(workspace, greedyWorkspace(graph));
            }
            planBarriers(graph);
            checkBarriers(graph);
        }
    }
}

// What a deep network makes: a chain with a tensor that all of it reads, and nodes that wait for none before them.
TEST(LargeGraphs, arePlannedInLittleTime) {
    const std::clock_t start = std::clock();
    Graph graph(std::pmr::new_delete_resource(), alignment);
    constexpr uint32_t depth = 100'000; // pairwise comparison would take minutes
    const TensorId shared = graph.intermediate("shared", DataType::u8, {100});
    TensorId x = shared;
    addNode(graph, {{shared, Access::write}});
    for (uint32_t i = 0; i < depth; ++i) {
        const TensorId next = graph.intermediate("x", DataType::u8, {1000});
        addNode(graph, {{x, Access::read}, {shared, Access::read}, {next, Access::write}});
        x = next;
    }
    for (uint32_t i = 0; i < depth; ++i)
        addNode(graph, {{graph.weight("w", DataType::u8, 64, uint64_t(i) * 64), Access::read},
                        {graph.external("y", DataType::u8, {64}), Access::write}});
    EXPECT_EQ(planMemory(graph, Sharing::bytes), 1024 + 1024 + 100u);
    planBarriers(graph);
    size_t barriers = 0;
    for (const Node& node : graph.nodes())
        barriers += node.barrier;
    EXPECT_EQ(barriers, depth);
    EXPECT_LT(std::clock() - start, 10 * CLOCKS_PER_SEC);
}

} // namespace
} // namespace saccade::test
