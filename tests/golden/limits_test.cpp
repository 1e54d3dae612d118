// SPDX-License-Identifier: Apache-2.0
// What modules need of a device beyond what every device has, and which cases the narrow profiles therefore forbid.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

#include "support/golden.hpp"
#include "support/limits.hpp"

namespace saccade::test {
namespace {

/// Of the golden, ONNX and sparse cases, in the order of their names.
std::vector<std::filesystem::path> files() {
    std::vector<std::filesystem::path> paths;
    for (const char* folder : {"golden", "onnx", "sparse"})
        for (const auto& entry : std::filesystem::directory_iterator(std::string(SACCADE_TEST_DATA "/") + folder))
            paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
}

// The least that a context without a device needs to plan the case.
uint32_t storageBuffersOf(const GoldenCase& golden, SacDeviceProfile profile) {
    sac::PlanBuilder description;
    golden.describe(description);
    description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
    for (profile.maxPerStageDescriptorStorageBuffers = 4;; ++profile.maxPerStageDescriptorStorageBuffers) {
        const Context context(profile);
        const Model model(context, golden.bytes);
        SacPlan plan = nullptr;
        SacError error{};
        const SacResult result = sacCreatePlan(model, &description.get(), &plan, &error);
        sacDestroyPlan(plan);
        if (result == SAC_SUCCESS)
            return profile.maxPerStageDescriptorStorageBuffers;
        EXPECT_EQ(result, SAC_ERROR_UNSUPPORTED) << error.message;
        if (!std::strstr(error.message, "maxPerStageDescriptorStorageBuffers"))
            return 0;
    }
}

// The table of docs/integration.md, by the golden cases: storage buffers from the simplest use of a module to its
// richest.
TEST(Limits, storageBuffersOfEachModule) {
    SacDeviceProfile profile{};
    {
        const host::Instance instance;
        profile = host::chooseDevice(instance).support.profile;
    }
    profile.storageBuffer16BitAccess = VK_TRUE;
    std::map<std::string, std::pair<uint32_t, uint32_t>> needs;
    for (const auto& path : files()) {
        const GoldenCase golden(path);
        const uint32_t needed = storageBuffersOf(golden, profile);
        EXPECT_EQ(needed <= 4, fitsFourStorageBuffers(golden.module(), golden.inputs)) << path << " needs " << needed;
        auto& [least, most] = needs.try_emplace(golden.module(), needed, needed).first->second;
        least = std::min(least, needed);
        most = std::max(most, needed);
    }
    const std::map<std::string, std::pair<uint32_t, uint32_t>> expected = {
        {"AlibiPositionalBias", {4, 4}},
        {"CPB", {4, 4}},
        {"ContinuousPositionBias", {5, 5}},
        {"DalleAttention", {5, 6}},
        {"DeformableAttention1D", {6, 6}},
        {"DeformableAttention2D", {6, 6}},
        {"DeformableAttention3D", {6, 6}},
        {"DynamicSparseAttention", {5, 5}},
        {"GEGLU", {4, 4}},
        {"LocalAttention1D", {5, 5}},
        {"LocalAttention2D", {5, 5}},
        {"LocalAttention3D", {5, 5}},
        {"MSDeformAttn", {6, 6}},
        {"PEG", {4, 4}},
        {"PhenakiAttention", {5, 6}},
        {"PhenakiFeedForward", {5, 5}},
        {"PhenakiLayerNorm", {4, 4}},
        {"PhenakiTransformer", {5, 6}},
        {"Scale", {4, 4}},
        {"SparseAttention", {6, 6}},
        {"SparseAxialCausalAttention", {5, 6}},
        {"SparseConvCausalAttention", {5, 6}},
        {"TutorialDeformableAttention", {6, 6}},
        {"grid_sample", {4, 4}},
        {"l2norm", {4, 4}},
        {"onnx.Attention", {4, 6}},
        {"onnx.DeformConv", {6, 6}},
        {"onnx.GridSample", {4, 4}},
        {"onnx.RotaryEmbedding", {5, 5}},
    };
    EXPECT_EQ(needs, expected);
}

// How many cases a profile forbids is known, so that none is lost without notice.
TEST(Limits, forbiddenCases) {
    host::Instance instance;
    for (const auto& [name, forbidden] : {std::pair("weak", 2), std::pair("minimum", 103)}) {
        host::DeviceOptions options;
        options.profile = name;
        const host::Device device(instance, std::string(), options);
        int count = 0;
        for (const auto& path : files()) {
            const GoldenCase golden(path);
            const bool half = std::ranges::any_of(golden.file.dtypes, [](const auto& d) { return d.second == "F16"; });
            count += forbiddingLimit(device, golden.module(), golden.inputs, half) != nullptr;
        }
        EXPECT_EQ(count, forbidden) << name;
    }
}

} // namespace
} // namespace saccade::test
