// SPDX-License-Identifier: Apache-2.0
// sacBuildVariableLayout: DeepSpeed's rules, against layouts that DeepSpeed made and against hand-made ones.
#include <gtest/gtest.h>
#include <saccade/saccade_layouts.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/safetensors_file.hpp"

namespace saccade::test {
namespace {

SacVariableLayoutInfo layoutInfo(uint32_t heads, uint32_t blocks) {
    SacVariableLayoutInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_VARIABLE_LAYOUT_INFO;
    info.heads = heads;
    info.blocks = blocks;
    return info;
}

std::vector<uint8_t> build(const SacVariableLayoutInfo& info) {
    std::vector<uint8_t> layout(static_cast<size_t>(info.heads) * info.blocks * info.blocks, 7);
    SacError error{};
    EXPECT_EQ(sacBuildVariableLayout(&info, layout.size(), layout.data(), &error), SAC_SUCCESS) << error.message;
    return layout;
}

/// Rows of "1.." texts, for one head.
std::vector<uint8_t> rows(const std::vector<std::string>& text) {
    std::vector<uint8_t> out;
    for (const std::string& row : text)
        for (const char c : row)
            out.push_back(c == '1');
    return out;
}

class GoldenLayout : public ::testing::TestWithParam<int> {};

// All but the random columns follows from the arguments; random columns are at most so many more.
TEST_P(GoldenLayout, isExplainedUpToRandomColumns) {
    const SafetensorsFile file =
        readSafetensors(SACCADE_TEST_DATA "/golden/dalle_block_sparse_" + std::to_string(GetParam()) + ".safetensors");
    const auto config = nlohmann::json::parse(file.metadata.at("config"));
    const reference::Tensor& golden = file.tensors.at("in.layout");
    const uint32_t blockSize = config.at("block_size"), textTokens = config.at("text_seq_len");
    std::vector<uint32_t> globals((textTokens + blockSize - 1) / blockSize);
    for (uint32_t i = 0; i < globals.size(); ++i)
        globals[i] = i;
    SacVariableLayoutInfo info =
        layoutInfo(static_cast<uint32_t>(golden.size(0)), static_cast<uint32_t>(golden.size(1)));
    info.globalBlockCount = static_cast<uint32_t>(globals.size());
    info.globalBlockIndices = globals.data();
    info.causal = config.at("causal").get<bool>();
    const std::vector<uint8_t> fixed = build(info);

    const int randomBlocks = config.at("num_random_blocks");
    ASSERT_EQ(fixed.size(), golden.data.size());
    int extras = 0;
    for (size_t row = 0; row < fixed.size() / info.blocks; ++row) {
        int extra = 0;
        for (size_t i = row * info.blocks; i < (row + 1) * info.blocks; ++i) {
            EXPECT_LE(fixed[i], golden.data[i]) << "row " << row << ", column " << i % info.blocks;
            extra += golden.data[i] > fixed[i];
        }
        EXPECT_LE(extra, randomBlocks) << "row " << row;
        extras += extra;
    }
    EXPECT_GT(extras, 0) << "the file has no random columns, so it tells nothing about them";
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenLayout, ::testing::Values(0, 1));

TEST(VariableLayout, defaultIsOneWindowOfFourRepeated) {
    EXPECT_EQ(build(layoutInfo(1, 6)), rows({"111100", "111100", "111100", "111100", "000011", "000011"}));
    SacVariableLayoutInfo info = layoutInfo(1, 6);
    info.causal = VK_TRUE;
    EXPECT_EQ(build(info), rows({"100000", "110000", "111000", "111100", "000010", "000011"}));
}

TEST(VariableLayout, lastListedWindowRepeatsAndGlobalColumnsBeginAtTheirRow) {
    const uint32_t windows[] = {1, 2}, globals[] = {3, 9};
    SacVariableLayoutInfo info = layoutInfo(1, 6);
    info.localWindowCount = 2;
    info.localWindowBlocks = windows;
    EXPECT_EQ(build(info), rows({"100000", "011000", "011000", "000110", "000110", "000001"}));
    info.globalBlockCount = 2; // 9 lies outside
    info.globalBlockIndices = globals;
    EXPECT_EQ(build(info), rows({"100100", "011100", "011100", "000110", "000110", "000101"}));
    info.causal = VK_TRUE;
    EXPECT_EQ(build(info), rows({"100000", "010000", "011000", "000100", "000110", "000101"}));
}

TEST(VariableLayout, windowsBeyondTheSequenceAreCut) {
    const uint32_t windows[] = {2, UINT32_MAX, UINT32_MAX};
    SacVariableLayoutInfo info = layoutInfo(1, 3);
    info.localWindowCount = 3;
    info.localWindowBlocks = windows;
    EXPECT_EQ(build(info), rows({"110", "110", "001"}));
}

TEST(VariableLayout, randomColumnsAreDistinctSeededAndAnywhere) {
    const uint32_t one = 1;
    SacVariableLayoutInfo info = layoutInfo(3, 40);
    info.localWindowCount = 1;
    info.localWindowBlocks = &one;
    info.causal = VK_TRUE;
    info.randomBlocks = 5;
    info.seed = 1;
    const std::vector<uint8_t> shared = build(info);
    int above = 0;
    for (size_t row = 0; row < 3 * 40; ++row) {
        const auto begin = shared.begin() + static_cast<std::ptrdiff_t>(row * 40);
        const auto seen = std::count(begin, begin + 40, 1);
        const size_t own = row % 40;
        EXPECT_TRUE(seen == 5 || seen == 6) << "row " << row << " sees " << seen; // its own column may be drawn
        above += static_cast<int>(std::count(begin + static_cast<std::ptrdiff_t>(own) + 1, begin + 40, 1));
    }
    EXPECT_GT(above, 3 * 40); // of about 300 expected
    EXPECT_TRUE(std::equal(shared.begin(), shared.begin() + 1600, shared.begin() + 1600));
    EXPECT_TRUE(std::equal(shared.begin(), shared.begin() + 1600, shared.begin() + 3200));
    EXPECT_EQ(build(info), shared);

    info.differentLayoutPerHead = VK_TRUE;
    const std::vector<uint8_t> own = build(info);
    EXPECT_TRUE(std::equal(own.begin(), own.begin() + 1600, shared.begin())); // the first head draws first
    EXPECT_FALSE(std::equal(own.begin(), own.begin() + 1600, own.begin() + 1600));
    info.seed = 2;
    EXPECT_NE(build(info), own);
    info.randomBlocks = 40;
    const std::vector<uint8_t> full = build(info);
    EXPECT_EQ(std::count(full.begin(), full.end(), 1), 3 * 40 * 40);
}

// The documented generator, step by step: SplitMix64 of seed 1234567 begins with the published 6457827717110365317,
// 3203168211198807973, 9817491932198370423. The upper halves are 1503580183, 745795716, 2285812965.
TEST(VariableLayout, generatorIsTheDocumentedOne) {
    const uint32_t one = 1;
    SacVariableLayoutInfo info = layoutInfo(1, 4);
    info.localWindowCount = 1;
    info.localWindowBlocks = &one;
    info.randomBlocks = 1;
    info.seed = 1234567;
    // 4 * upper half / 2^32: columns 1, 0 and 2; the diagonal besides.
    const std::vector<uint8_t> layout = build(info);
    EXPECT_EQ(std::vector<uint8_t>(layout.begin(), layout.begin() + 12), rows({"1100", "1100", "0010"}));
}

TEST(VariableLayout, everyWrongArgumentIsNamed) {
    const uint32_t none = 0;
    struct Case {
        const char* name;
        std::function<void(SacVariableLayoutInfo&)> spoil;
    };
    const Case cases[] = {
        {"sType of info", [](auto& i) { i.sType = SAC_STRUCTURE_TYPE_RUN_INFO; }},
        {"pNext of info", [](auto& i) { i.pNext = &i; }},
        {"info->heads", [](auto& i) { i.heads = 0; }},
        {"info->heads", [](auto& i) { i.heads = 65537; }},
        {"info->blocks", [](auto& i) { i.blocks = 0; }},
        {"info->blocks", [](auto& i) { i.blocks = UINT32_MAX; }},
        {"info->randomBlocks", [](auto& i) { i.randomBlocks = 5; }},
        {"info->localWindowBlocks", [](auto& i) { i.localWindowCount = 1; }},
        {"info->localWindowBlocks[0]", [&](auto& i) { i.localWindowCount = 1, i.localWindowBlocks = &none; }},
        {"info->globalBlockIndices", [](auto& i) { i.globalBlockCount = 1; }},
        {"info->causal", [](auto& i) { i.causal = 2; }},
        {"info->differentLayoutPerHead", [](auto& i) { i.differentLayoutPerHead = 2; }},
        {"layoutSize", [](auto& i) { i.heads = 2; }},
    };
    for (const Case& wrong : cases) {
        SacVariableLayoutInfo info = layoutInfo(1, 4);
        wrong.spoil(info);
        std::vector<uint8_t> layout(16, 7);
        SacError error{};
        EXPECT_EQ(sacBuildVariableLayout(&info, 16, layout.data(), &error), SAC_ERROR_INVALID_ARGUMENT) << wrong.name;
        EXPECT_NE(std::string(error.message).find(wrong.name), std::string::npos) << error.message;
        EXPECT_EQ(layout, std::vector<uint8_t>(16, 7)) << wrong.name;
    }
    SacError error{};
    const SacVariableLayoutInfo info = layoutInfo(1, 4);
    EXPECT_EQ(sacBuildVariableLayout(nullptr, 16, nullptr, &error), SAC_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(sacBuildVariableLayout(&info, 16, nullptr, &error), SAC_ERROR_INVALID_ARGUMENT);
    EXPECT_NE(std::string(error.message).find("layout is null"), std::string::npos) << error.message;
}

} // namespace
} // namespace saccade::test
