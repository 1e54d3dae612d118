// SPDX-License-Identifier: Apache-2.0
// Command buffers of every kind an engine has: secondary ones, ones that are submitted again.
#include "scene.hpp"

namespace saccade::test {
namespace {

class CommandBuffers : public Recording {};

TEST_P(CommandBuffers, secondary) {
    Scene& s = scene();
    CommandBuffer secondary(s.device, VK_COMMAND_BUFFER_LEVEL_SECONDARY), primary(s.device);
    s.writeInput(*s.buffers, 0);
    std::ranges::fill(s.buffers->mapped("y"), std::byte{0});
    secondary.begin();
    recordAlone(*s.plan, secondary, *s.buffers);
    secondary.end();
    const VkCommandBuffer executed = secondary;
    primary.begin();
    vkCmdExecuteCommands(primary, 1, &executed);
    barrier(primary, computeWrites, hostReads);
    primary.end();
    submitAndWait(s.device.queue(), {primary});
    EXPECT_EQ(s.buffers->bytes("y"), s.expected);
}

// Once in each of two primaries of one submission, and twice in one.
TEST_P(CommandBuffers, secondaryInSimultaneousUse) {
    Scene& s = scene();
    CommandBuffer secondary(s.device, VK_COMMAND_BUFFER_LEVEL_SECONDARY), first(s.device), second(s.device);
    s.writeInput(*s.buffers, 0);
    secondary.begin(VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
    recordAlone(*s.plan, secondary, *s.buffers);
    barrier(secondary, computeWrites, computeUses);
    secondary.end();
    const VkCommandBuffer executed = secondary;
    first.begin();
    vkCmdExecuteCommands(first, 1, &executed);
    first.end();
    second.begin();
    vkCmdExecuteCommands(second, 1, &executed);
    vkCmdExecuteCommands(second, 1, &executed);
    barrier(second, computeWrites, hostReads);
    second.end();
    for (int submission = 0; submission < 2; ++submission) {
        SCOPED_TRACE(submission);
        std::ranges::fill(s.buffers->mapped("y"), std::byte{0});
        submitAndWait(s.device.queue(), {first, second});
        EXPECT_EQ(s.buffers->bytes("y"), s.expected);
    }
}

TEST_P(CommandBuffers, submittedAgainWithOtherInputs) {
    Scene& s = scene();
    std::vector<Bytes> expected;
    for (int number = 0; number < 3; ++number)
        expected.push_back(s.runOrdinarily(number));
    EXPECT_EQ(expected[0], s.expected);
    EXPECT_NE(expected[1], expected[0]);
    EXPECT_NE(expected[2], expected[1]);
    CommandBuffer again(s.device);
    again.begin();
    recordAlone(*s.plan, again, *s.buffers);
    barrier(again, computeWrites, hostReads);
    again.end();
    for (int number = 0; number < 3; ++number) {
        SCOPED_TRACE(number);
        s.writeInput(*s.buffers, number);
        std::ranges::fill(s.buffers->mapped("y"), std::byte{0});
        submitAndWait(s.device.queue(), {again});
        EXPECT_EQ(s.buffers->bytes("y"), expected[static_cast<std::size_t>(number)]);
    }
}

INSTANTIATE_TEST_SUITE_P(With, CommandBuffers, ::testing::Values(Descriptors::pushed, Descriptors::pooled),
                         descriptorsName);

} // namespace
} // namespace saccade::test
