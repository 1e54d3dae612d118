// SPDX-License-Identifier: Apache-2.0
// The limits of docs/limits.md: what lies beyond one is refused by the argument's name, its value and the limit.
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <string>

#include <nlohmann/json.hpp>

#include "host/errors.hpp"
#include "reference/random_case.hpp"
#include "support/golden.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

struct Limit {
    const char* module;
    const char* config;
    SacResult result;
    const char* named;
    bool afterWeights = false; ///< said of a checkpoint that is otherwise right; else of the configuration alone
};

void PrintTo(const Limit& limit, std::ostream* stream) { *stream << limit.module << ' ' << limit.config; }

const Limit limits[] = {
    {"DeformableAttention1D", R"({"dim": 8, "dim_head": 257})", SAC_ERROR_INVALID_CONFIG,
     "\"dim_head\": 257 is not within 1 to 256"},
    {"PhenakiAttention", R"({"dim": 8, "dim_head": 257})", SAC_ERROR_INVALID_CONFIG,
     "\"dim_head\": 257 is not within 1 to 256"},
    {"DalleAttention", R"({"dim": 8, "seq_len": 8, "dim_head": 257})", SAC_ERROR_INVALID_CONFIG,
     "\"dim_head\": 257 is not within 1 to 256"},
    {"TutorialDeformableAttention", R"({"in_channels": 1, "out_channels": 514, "num_heads": 2})", SAC_ERROR_UNSUPPORTED,
     "\"out_channels\": 514 / \"num_heads\": 2 exceeds 256"},
    {"DeformableAttention2D", R"({"dim": 8, "heads": 1025})", SAC_ERROR_INVALID_CONFIG,
     "\"heads\": 1025 is not within 1 to 1024"},
    {"MSDeformAttn", R"({"d_model": 1025, "n_heads": 1025})", SAC_ERROR_INVALID_CONFIG,
     "\"n_heads\": 1025 is not within 1 to 1024"},
    {"DeformableAttention1D",
     R"({"dim": 1028, "heads": 1, "dim_head": 1, "downsample_factor": 1, "offset_kernel_size": 1})",
     SAC_ERROR_UNSUPPORTED, "dim / 4 = 257 units, at most 256", true},
    {"PhenakiFeedForward", R"({"dim": 65537})", SAC_ERROR_INVALID_CONFIG, "\"dim\": 65537 is not within 1 to 65536"},
    {"DeformableAttention1D", R"({"dim": 8, "downsample_factor": 1025})", SAC_ERROR_INVALID_CONFIG,
     "\"downsample_factor\": 1025 is not within 1 to 1024"},
    {"DeformableAttention2D", R"({"dim": 8, "offset_scale": 10001})", SAC_ERROR_INVALID_CONFIG,
     "\"offset_scale\": 10001 is not within -10000 to 10000"},
    {"MSDeformAttn", R"({"n_levels": 25})", SAC_ERROR_INVALID_CONFIG, "\"n_levels\": 25 is not within 1 to 24"},
    {"ContinuousPositionBias", R"({"dim": 8, "heads": 1, "num_dims": 5})", SAC_ERROR_INVALID_CONFIG,
     "\"num_dims\": 5 is not within 1 to 4"},
    {"ContinuousPositionBias", R"({"dim": 8, "heads": 1, "layers": 65})", SAC_ERROR_INVALID_CONFIG,
     "\"layers\": 65 is not within 1 to 64"},
    {"ContinuousPositionBias", R"({"dim": 2, "heads": 1, "num_dims": 4, "dimensions": [65536, 65536, 65536, 65536]})",
     SAC_ERROR_UNSUPPORTED, "\"dimensions\": the grid has more than 65536 places", true},
    {"PhenakiTransformer", R"({"dim": 8, "depth": 1025})", SAC_ERROR_INVALID_CONFIG,
     "\"depth\": 1025 is not within 0 to 1024"},
    {"PhenakiAttention", R"({"dim": 8, "num_null_kv": 4097})", SAC_ERROR_INVALID_CONFIG,
     "\"num_null_kv\": 4097 is not within 0 to 4096"},
    {"PhenakiFeedForward", R"({"dim": 8, "mult": 65})", SAC_ERROR_INVALID_CONFIG,
     "\"mult\": 65 is not within 0.1 to 64"},
    {"DalleAttention", R"({"dim": 8, "seq_len": 16777217})", SAC_ERROR_INVALID_CONFIG,
     "\"seq_len\": 16777217 is not within 1 to 16777216"},
    {"SparseAxialCausalAttention", R"({"dim": 8, "seq_len": 8, "image_size": 3, "heads": 1, "dim_head": 1})",
     SAC_ERROR_INVALID_CONFIG, "\"image_size\": 3 squared leaves no text in \"seq_len\": 8", true},
    {"SparseConvCausalAttention",
     R"({"dim": 8, "seq_len": 16, "image_size": 3, "heads": 1, "dim_head": 1, "dilation": 1024})",
     SAC_ERROR_INVALID_CONFIG, "\"dilation\": 1024 is not within 1 to 1023", true},
    {"SparseAttention", R"({"dim": 8, "seq_len": 16, "heads": 1, "dim_head": 1, "block_size": 4097})",
     SAC_ERROR_INVALID_CONFIG, "\"block_size\": 4097 is not within 1 to 4096", true},
    {"grid_sample", R"({"dims": 1, "mode": "bicubic"})", SAC_ERROR_INVALID_CONFIG, "\"bicubic\" is for \"dims\": 2"},
    // A misspelling that upstream's **kwargs would take.
    {"SparseConvCausalAttention",
     R"({"dim": 8, "seq_len": 16, "image_size": 3, "heads": 1, "dim_head": 1, "dilatoin": 2})",
     SAC_ERROR_INVALID_CONFIG, "\"dilatoin\": unknown", true},
};

class Limits : public GpuTest, public ::testing::WithParamInterface<Limit> {};

TEST_P(Limits, areNamed) {
    const Limit& limit = GetParam();
    const auto config = nlohmann::json::parse(limit.config);
    std::vector<std::byte> bytes;
    if (limit.afterWeights)
        bytes = makeModelFile(limit.module, config, reference::randomWeights(limit.module, config, 1));
    Context context(device());
    SacModelInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    info.module = limit.module;
    info.config = limit.config;
    info.data = bytes.empty() ? nullptr : bytes.data();
    info.size = bytes.size();
    try {
        const Model model(context, info);
        sac::PlanBuilder description;
        const Plan plan(model, description);
        FAIL() << "was accepted";
    } catch (const sac::Exception& error) {
        EXPECT_EQ(error.result(), limit.result) << error.what();
        EXPECT_NE(std::strstr(error.what(), limit.named), nullptr) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(All, Limits, ::testing::ValuesIn(limits));

} // namespace
} // namespace saccade::test
