// SPDX-License-Identifier: Apache-2.0
// The sample without a window: its two modes show the same.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "support/sample.hpp"

namespace saccade::test {
namespace {

std::string bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// An even number, so that the last frame's buffers are the second ones.
TEST(Frame, AsynchronousAttentionGivesTheSamePictures) {
    const ScratchFolder scratch;
    const std::string ordered = scratch.file("ordered"), async = scratch.file("async");
    const ProgramResult first = runFrame({"--frames", "4", "--output", ordered});
    ASSERT_EQ(first.exitCode, 0) << first.err;
    const ProgramResult second = runFrame({"--frames", "4", "--output", async, "--async"});
    ASSERT_EQ(second.exitCode, 0) << second.err;
    EXPECT_NE(second.out.find("queue"), std::string::npos) << second.out;
    for (const char* name : {"/frame.png", "/points.png", "/attention.png", "/output.png"}) {
        const std::string expected = bytes(ordered + name);
        ASSERT_GT(expected.size(), 10000u) << name;
        EXPECT_TRUE(bytes(async + name) == expected) << name;
    }
}

TEST(Frame, RefusesAWindowsOptionsWithoutOneAndUnknownViews) {
    const ScratchFolder scratch;
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--screenshot", "a.png"}, {"--view", "points"}, {"--window", "--view", "nothing"}}) {
        std::vector<std::string> all{"--output", scratch.file("out")};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const ProgramResult result = runFrame(all);
        EXPECT_EQ(result.exitCode, 2) << arguments[0];
        EXPECT_NE(result.err.find("--screenshot"), std::string::npos) << result.err;
    }
}

} // namespace
} // namespace saccade::test
