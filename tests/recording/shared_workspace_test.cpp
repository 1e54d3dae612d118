// SPDX-License-Identifier: Apache-2.0
// Several plans of several models in one command buffer, in one workspace, one of them reading what another wrote:
// ordered by the barriers that the header asks for and no others.
#include "scene.hpp"

namespace saccade::test {
namespace {

class SharedWorkspace : public Recording {};

// A plan beside the scene's, of another model.
struct Other {
    Other(Scene& scene, const char* path, const reference::Shape& shape)
        : golden(path), model(scene.context, golden.bytes) {
        description.input("x", shape).output("y");
        plan.emplace(model, description);
        buffers.emplace(scene.device, *plan);
        scene.submitter.run([&](VkCommandBuffer commandBuffer) { recordUpload(*plan, commandBuffer, *buffers); });
    }
    Bytes runOrdinarily(Scene& scene) {
        scene.submitter.run([&](VkCommandBuffer commandBuffer) { recordRun(*plan, commandBuffer, *buffers); });
        return buffers->bytes("y");
    }

    const GoldenCase golden;
    Model model;
    sac::PlanBuilder description;
    std::optional<Plan> plan;
    std::optional<PlanBuffers> buffers;
};

TEST_P(SharedWorkspace, ofSeveralModels) {
    Scene& s = scene();
    // Attention that sees the whole sequence, made to read the scene's y; and a sampling module of its own shapes.
    Other reader(s, SACCADE_TEST_DATA "/golden/dalle_attention_1.safetensors", {2, 40, 64});
    Other sampler(s, SACCADE_TEST_DATA "/golden/tutorial_0.safetensors", {1, 3, 16, 16});
    s.writeInput(*s.buffers, 0);
    std::ranges::copy(s.expected, reader.buffers->mapped("x").begin());
    sampler.buffers->write("x", sampler.golden.inputs.at("x"));
    const Bytes expectedReader = reader.runOrdinarily(s), expectedSampler = sampler.runOrdinarily(s);
    EXPECT_NE(expectedReader, s.expected);

    VkDeviceSize size = 0;
    VkBufferUsageFlags usage = 0;
    for (const Plan* plan : {&*s.plan, &*reader.plan, &*sampler.plan}) {
        const SacMemoryRequirements memory = plan->memory(SAC_MEMORY_WORKSPACE);
        EXPECT_GT(memory.size, 0u);
        size = std::max(size, memory.size);
        usage |= memory.usage;
    }
    const host::Buffer workspace(s.device, size, usage, host::BufferMemory::readback);
    PlanBuffers &first = s.moreBuffers(0), &last = s.moreBuffers(0);
    for (PlanBuffers* buffers : {&first, &last, &*reader.buffers, &*sampler.buffers}) {
        buffers->share(SAC_MEMORY_WORKSPACE, workspace.range());
        std::ranges::fill(buffers->mapped("y"), std::byte{0});
    }
    reader.buffers->binding("x").buffer = first.binding("y").buffer;
    std::ranges::fill(workspace.mapped(), std::byte{0xff}); // NaN
    CommandBuffer commands(s.device);
    commands.begin();
    recordAlone(*s.plan, commands, first);
    barrier(commands, computeWrites, computeUses);
    recordAlone(*reader.plan, commands, *reader.buffers);
    barrier(commands, computeWrites, computeUses);
    recordAlone(*sampler.plan, commands, *sampler.buffers);
    barrier(commands, computeWrites, computeUses);
    recordAlone(*s.plan, commands, last);
    barrier(commands, computeWrites, hostReads);
    commands.end();
    submitAndWait(s.device.queue(), {commands});
    EXPECT_EQ(first.bytes("y"), s.expected);
    EXPECT_EQ(reader.buffers->bytes("y"), expectedReader);
    EXPECT_EQ(sampler.buffers->bytes("y"), expectedSampler);
    EXPECT_EQ(last.bytes("y"), s.expected);
}

INSTANTIATE_TEST_SUITE_P(With, SharedWorkspace, ::testing::Values(Descriptors::pushed, Descriptors::pooled),
                         descriptorsName);

} // namespace
} // namespace saccade::test
