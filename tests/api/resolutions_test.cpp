// SPDX-License-Identifier: Apache-2.0
// Plans of one model for other sizes of its input: what they share with the first one.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/random_case.hpp"
#include "support/failing_calls.hpp"
#include "support/golden.hpp"
#include "support/headless.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

struct Sizes {
    const char* name;
    const char* module;
    const char* config;
    std::vector<reference::Shape> shapes; ///< of x
    reference::Shape alike;               ///< whose keys stray as far as the first one's: of the same table
};

void PrintTo(const Sizes& sizes, std::ostream* stream) { *stream << sizes.name; }

// Upstream's README examples. The first size is the one that compiles. The others have as many tokens up to a power of
// two: the products of many more, or fewer, may be cut differently.
const Sizes all[] = {
    {"sequence",
     "DeformableAttention1D",
     R"({"dim": 128, "dim_head": 64, "heads": 8, "downsample_factor": 4, "offset_scale": 2, "offset_kernel_size": 6})",
     {{1, 128, 512}, {1, 128, 384}, {1, 128, 500}, {1, 128, 260}},
     {1, 128, 1000}},
    {"image",
     "DeformableAttention2D",
     R"({"dim": 512, "dim_head": 64, "heads": 8, "downsample_factor": 4, "offset_scale": 4, "offset_kernel_size": 6})",
     {{1, 512, 64, 64}, {1, 512, 48, 80}, {1, 512, 52, 60}, {1, 512, 60, 70}, {1, 512, 36, 64}},
     {1, 512, 96, 96}},
    {"video",
     "DeformableAttention3D",
     R"({"dim": 512, "dim_head": 64, "heads": 8, "downsample_factor": [2, 8, 8], "offset_scale": [2, 8, 8],
         "offset_kernel_size": [4, 10, 10]})",
     {{1, 512, 10, 32, 32}, {1, 512, 10, 24, 40}, {1, 512, 8, 32, 36}},
     {1, 512, 10, 36, 36}},
};

// As randomInputs wants them.
nlohmann::json sizesOf(const reference::Shape& x) {
    return {{"batch", x[0]}, {"size", std::vector<int64_t>(x.begin() + 2, x.end())}};
}

class Resolutions : public GpuTest, public ::testing::WithParamInterface<Sizes> {
protected:
    const nlohmann::json config = nlohmann::json::parse(GetParam().config);
    const std::vector<std::byte> bytes =
        makeModelFile(GetParam().module, config, reference::randomWeights(GetParam().module, config, 1));

    static std::unique_ptr<Plan> plan(SacModel model, const reference::Shape& shape,
                                      SacPositionBiasMode bias = SAC_POSITION_BIAS_MODE_AUTO) {
        sac::PlanBuilder description;
        description.input("x", shape);
        description.positionBias(bias);
        return std::make_unique<Plan>(model, description);
    }
};

TEST_P(Resolutions, shareEveryPipeline) {
    FailingCalls calls;
    SacContextInfo info = host::contextInfo(device());
    info.getInstanceProcAddr = FailingCalls::getInstanceProcAddr;
    Context context(info);
    Model model(context, bytes);
    for (const SacPositionBiasMode bias : {SAC_POSITION_BIAS_MODE_TABLE, SAC_POSITION_BIAS_MODE_EXACT}) {
        SCOPED_TRACE(bias == SAC_POSITION_BIAS_MODE_TABLE ? "table" : "exact");
        const auto first = plan(model, GetParam().shapes[0], bias);
        const std::size_t compiled = calls.calls("vkCreateComputePipelines");
        EXPECT_GT(compiled, 0u);
        for (std::size_t i = 1; i < GetParam().shapes.size(); ++i) {
            const auto other = plan(model, GetParam().shapes[i], bias);
            EXPECT_EQ(calls.calls("vkCreateComputePipelines"), compiled) << "size " << i;
        }
    }
}

// Headless, so that it is the library's time alone.
TEST_P(Resolutions, takeLittleTime) {
    Context context(desktopProfile());
    Model model(context, bytes);
    const auto first = plan(model, GetParam().shapes[0]);
    const auto now = [] {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
    };
    double least = 1e9;
    for (int i = 0; i < 20; ++i) {
        const double begin = now();
        const auto other = plan(model, GetParam().shapes[1]);
        least = std::min(least, now() - begin);
    }
    RecordProperty("milliseconds", std::to_string(least));
    EXPECT_LT(least, 1.0) << "milliseconds of CPU time";
}

// A run that reads the first plan's table computes what one with a table of its own does.
TEST_P(Resolutions, shareTables) {
    Context context(device());
    Model model(context, bytes);
    const auto first = plan(model, GetParam().shapes[0], SAC_POSITION_BIAS_MODE_TABLE);
    const auto second = plan(model, GetParam().alike, SAC_POSITION_BIAS_MODE_TABLE);
    ASSERT_NE(first->properties().tablesKey, 0u);
    ASSERT_EQ(first->properties().tablesKey, second->properties().tablesKey);
    EXPECT_EQ(plan(model, GetParam().alike, SAC_POSITION_BIAS_MODE_EXACT)->properties().tablesKey, 0u);

    PlanBuffers one(device(), *first), two(device(), *second);
    two.write("x", reference::randomInputs(GetParam().module, config, sizesOf(GetParam().alike), 2).at("x"));
    submit([&](VkCommandBuffer commandBuffer) {
        recordUpload(*second, commandBuffer, two);
        recordRun(*second, commandBuffer, two);
    });
    const std::vector<std::byte> expected = two.bytes("y");
    std::ranges::fill(two.mapped("y"), std::byte{0});
    std::ranges::fill(two.mapped(SAC_MEMORY_PARAMETERS), std::byte{0});
    two.share(SAC_MEMORY_TABLES, one.range(SAC_MEMORY_TABLES));
    submit([&](VkCommandBuffer commandBuffer) {
        recordUpload(*first, commandBuffer, one);
        SacUploadInfo upload = two.uploadInfo();
        upload.flags = SAC_UPLOAD_SHARED_TABLES_BIT;
        SacError error{};
        EXPECT_EQ(sacCmdUpload(*second, commandBuffer, &upload, &error), SAC_SUCCESS) << error.message;
        host::fullBarrier(commandBuffer);
        recordRun(*second, commandBuffer, two);
    });
    EXPECT_EQ(two.bytes("y"), expected);
}

INSTANTIATE_TEST_SUITE_P(Of, Resolutions, ::testing::ValuesIn(all),
                         [](const auto& sizes) { return std::string(sizes.param.name); });

} // namespace
} // namespace saccade::test
