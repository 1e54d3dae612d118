// SPDX-License-Identifier: Apache-2.0
// What a planned graph comes down to before there are pipelines: order, places, workgroups, stages and limits.
#include "graph/dispatch_list.hpp"

#include <gtest/gtest.h>

#include <memory_resource>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "graph/planner.hpp"

namespace saccade::test {
namespace {

constexpr uint32_t lanes = 64;

Dispatch dispatchOver(std::initializer_list<OperandUse> bindings, std::array<uint32_t, 3> groups = {1, 1, 1}) {
    Dispatch dispatch;
    dispatch.constants = {lanes};
    dispatch.bindings = bindings;
    dispatch.groups = groups;
    return dispatch;
}

Kernel kernelOf(uint32_t operands, std::initializer_list<Dispatch> dispatches, uint64_t flops = 0) {
    Kernel kernel;
    kernel.operandCount = operands;
    kernel.dispatches = dispatches;
    kernel.flops = flops;
    return kernel;
}

class DispatchLists : public ::testing::Test {
protected:
    DispatchList list(Phase phase = Phase::run, uint32_t batch = 1) {
        planMemory(graph, Sharing::bytes);
        planBarriers(graph);
        DispatchList out(std::pmr::new_delete_resource());
        out.build(graph, phase, batch, DeviceProfile());
        return out;
    }

    Graph graph{std::pmr::new_delete_resource(), 64};
};

TEST_F(DispatchLists, haveTheDispatchesOfTheirPhaseInOrder) {
    const TensorId weights = graph.weight("weights", DataType::f32, 10, 128);
    const TensorId first = graph.table("first", DataType::f32, {3});
    const TensorId table = graph.table("table", DataType::f32, {5});
    const TensorId in = graph.external("in", DataType::f32, {7});
    const TensorId out = graph.external("out", DataType::f32, {11});
    graph.add("fill", kernelOf(3, {dispatchOver({{0}, {1, Access::write}, {2, Access::write}})}),
              {weights, first, table}, Phase::upload);
    graph.add("use",
              kernelOf(3, {dispatchOver({{1}, {2, Access::write}}), dispatchOver({{0}, {2, Access::readWrite}})}),
              {table, in, out});

    const DispatchList upload = list(Phase::upload), run = list();
    ASSERT_EQ(upload.dispatches().size(), 1u);
    const auto& filled = upload.dispatches()[0].bindings;
    EXPECT_EQ(filled[0].memory, MemoryKind::weights);
    EXPECT_EQ(filled[0].offset, 128u);
    EXPECT_EQ(filled[0].bytes, 40u);
    EXPECT_EQ(filled[2].memory, MemoryKind::tables);
    EXPECT_EQ(filled[2].offset, 64u);
    EXPECT_EQ(filled[2].bytes, 20u);

    ASSERT_EQ(run.dispatches().size(), 2u);
    EXPECT_EQ(run.dispatches()[0].bindings[0].memory, MemoryKind::external);
    EXPECT_EQ(run.dispatches()[0].bindings[0].external, 0u);
    EXPECT_EQ(run.dispatches()[0].bindings[1].external, 1u);
    EXPECT_EQ(run.dispatches()[1].bindings[0].offset, 64u);
    EXPECT_FALSE(run.dispatches()[0].barrier);
    EXPECT_TRUE(run.dispatches()[1].barrier);
    EXPECT_EQ(run.barrierCount(), 1u);
}

TEST_F(DispatchLists, countWhatEachStageMoves) {
    const TensorId a = graph.external("a", DataType::f32, {100});
    const TensorId b = graph.external("b", DataType::f32, {10});
    graph.add("twice",
              kernelOf(2, {dispatchOver({{0}, {0}, {1, Access::write}}), dispatchOver({{0}, {1, Access::write}})}, 7),
              {a, b});
    graph.add("in place", kernelOf(1, {dispatchOver({{0}, {0, Access::write}})}, 5), {b});

    const DispatchList run = list();
    ASSERT_EQ(run.stages().size(), 2u);
    EXPECT_EQ(run.stages()[0].label, "twice");
    EXPECT_EQ(run.stages()[0].dispatchCount, 2u);
    EXPECT_EQ(run.stages()[0].flops, 7u);
    EXPECT_EQ(run.stages()[0].bytes, 2u * (400 + 40)) << "bound twice, read once";
    EXPECT_EQ(run.stages()[1].label, "in place");
    EXPECT_EQ(run.stages()[1].bytes, 80u);
    EXPECT_EQ(run.bytes(), 960u);
    EXPECT_EQ(run.dispatches()[1].stage, 0u);
    EXPECT_EQ(run.dispatches()[2].stage, 1u);
}

TEST_F(DispatchLists, scaleTheirWorkgroupsWithTheBatch) {
    const TensorId a = graph.external("a", DataType::f32, {1});
    Kernel once = kernelOf(1, {dispatchOver({{0}}, {2, 3, 12})});
    once.batched = false;
    graph.add("batched", kernelOf(1, {dispatchOver({{0}}, {2, 3, 12})}), {a});
    graph.add("once", once, {a});

    using Groups = std::array<uint32_t, 3>;
    const DispatchList run = list(Phase::run, 4);
    EXPECT_EQ(run.groups(0, 4), (Groups{2, 3, 12}));
    EXPECT_EQ(run.groups(0, 1), (Groups{2, 3, 3}));
    EXPECT_EQ(run.groups(1, 1), (Groups{2, 3, 12}));
}

TEST_F(DispatchLists, shareEqualPipelines) {
    const TensorId a = graph.external("a", DataType::f32, {1}), b = graph.external("b", DataType::f32, {1});
    const TensorId image = graph.externalImage("image", 4);
    const auto addPair = [&](const char* label, const Dispatch& dispatch, TensorId second) {
        graph.add(label, kernelOf(2, {dispatch}), {a, second});
    };
    Dispatch dispatch = dispatchOver({{0}, {1}});
    addPair("one", dispatch, b);
    dispatch.groups = {7, 1, 1};
    addPair("with other groups", dispatch, b);
    EXPECT_EQ(distinctPipelines({}, std::pmr::new_delete_resource()).size(), 0u);
    const DispatchList same = list();
    EXPECT_EQ(distinctPipelines({&same}, std::pmr::new_delete_resource()).size(), 1u);

    dispatch.constants.push_back(1);
    addPair("of another constant", dispatch, b);
    dispatch.shader = Shader::conditionalDispatch;
    addPair("of another shader", dispatch, b);
    dispatch.bindings[1].kind = BindingKind::sampledImage;
    addPair("over an image", dispatch, image);
    const DispatchList run = list();
    EXPECT_EQ(distinctPipelines({&run}, std::pmr::new_delete_resource()).size(), 4u);
    EXPECT_EQ(distinctPipelines({&same, &run}, std::pmr::new_delete_resource()).size(), 4u);
}

// A dispatch that needs exactly what `limits` allow is taken; with any of them one lower, the dispatch and the limit
// are named.
TEST_F(DispatchLists, refuseWhatIsBeyondALimit) {
    const TensorId a = graph.external("a", DataType::f32, {16}), b = graph.external("b", DataType::f32, {4});
    Dispatch dispatch = dispatchOver({{0}, {1, Access::write}}, {5, 6, 7});
    dispatch.sharedBytes = 1024;
    graph.add("greedy", kernelOf(2, {dispatch}), {a, b});

    DeviceProfile exact;
    exact.maxComputeWorkGroupCount[0] = 5;
    exact.maxComputeWorkGroupCount[1] = 6;
    exact.maxComputeWorkGroupCount[2] = 7;
    exact.maxComputeWorkGroupSize[0] = exact.maxComputeWorkGroupInvocations = lanes;
    exact.maxComputeSharedMemorySize = 1024;
    exact.maxPerStageDescriptorStorageBuffers = 2;
    exact.maxStorageBufferRange = 64;
    const auto refusal = [&](const DeviceProfile& limits) -> std::string {
        DispatchList out(std::pmr::new_delete_resource());
        try {
            out.build(graph, Phase::run, 1, limits);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), SAC_ERROR_UNSUPPORTED);
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(refusal(exact), "");

    const struct {
        const char* name;
        uint32_t* (*member)(DeviceProfile&);
    } members[] = {
        {"maxComputeWorkGroupCount[0]", [](DeviceProfile& p) { return &p.maxComputeWorkGroupCount[0]; }},
        {"maxComputeWorkGroupCount[1]", [](DeviceProfile& p) { return &p.maxComputeWorkGroupCount[1]; }},
        {"maxComputeWorkGroupCount[2]", [](DeviceProfile& p) { return &p.maxComputeWorkGroupCount[2]; }},
        {"maxComputeWorkGroupSize[0]", [](DeviceProfile& p) { return &p.maxComputeWorkGroupSize[0]; }},
        {"maxComputeWorkGroupInvocations", [](DeviceProfile& p) { return &p.maxComputeWorkGroupInvocations; }},
        {"maxComputeSharedMemorySize", [](DeviceProfile& p) { return &p.maxComputeSharedMemorySize; }},
        {"maxPerStageDescriptorStorageBuffers",
         [](DeviceProfile& p) { return &p.maxPerStageDescriptorStorageBuffers; }},
    };
    for (const auto& [name, member] : members) {
        DeviceProfile limits = exact;
        --*member(limits);
        const std::string message = refusal(limits);
        EXPECT_NE(message.find("\"greedy\""), std::string::npos) << name << ": " << message;
        EXPECT_NE(message.find(std::string(name) + " is"), std::string::npos) << name << ": " << message;
    }
    DeviceProfile limits = exact;
    limits.maxStorageBufferRange = 63;
    EXPECT_EQ(refusal(limits), "tensor \"a\" has 64 bytes, the device's maxStorageBufferRange is 63");
}

} // namespace
} // namespace saccade::test
