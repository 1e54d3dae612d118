// SPDX-License-Identifier: Apache-2.0
// Call forms that upstream takes, as acceptance trials met them: each file is right, or refused by a limit of
// docs/limits.md that its message names. Metadata "args" holds the forward arguments that are no tensors.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "host/errors.hpp"
#include "reference/compare.hpp"
#include "support/golden.hpp"
#include "support/limits.hpp"

namespace saccade::test {
namespace {

struct CallForm {
    const char* file;
    const char* refused = nullptr; ///< part of the message; null: the results are right
    /// What the log's warnings have to say of an argument that upstream takes and does not use; null: there are none.
    const char* warned = nullptr;
    double mapTolerance = 5e-5; ///< of the output "attention"
};

void PrintTo(const CallForm& form, std::ostream* stream) { *stream << form.file; }

const CallForm forms[] = {
    {"axial_5"},
    {"axial_n+1"},
    {"conv_causalcfg", nullptr, "\"block_size\" is ignored"},
    {"conv_n+1"},
    {"cpb4d"},
    {"da_rot2"},
    {"da_rotb"},
    {"dim3"},
    {"grid_pm"},
    {"ms_i64"},
    // Scores of up to 2600: in float64 with each intermediate rounded to float32, sums exact, the map is 5.2e-5 off.
    {"nd1d_ref_19", nullptr, nullptr, 1e-4},
    {"nd3d_ref_2"},
    {"nd3d_ref_21"},
    {"nd3d_ref_23"},
    {"nd3d_ref_6"},
    {"nd3d_ref_8"},
    {"nd3d_xyz_10"},
    {"nd3d_xyz_3"},
    {"pegshape_0"},
    {"phk_b_bhij"},
    {"phk_b_ij"},
    {"phk_mask1"},
    {"tr_ctx_nocross", nullptr, "input \"context\" is ignored"},
    {"trcv_0"},
    {"trcv_1"},
    {"tut_wide", "input \"x\": shape[3] is 300, at most 256"},
    {"tutorial_15"},
    {"tutorial_25"},
    {"tutorial_8"},
};

std::string testName(const ::testing::TestParamInfo<CallForm>& info) {
    std::string name = info.param.file;
    if (const std::size_t plus = name.find('+'); plus != std::string::npos)
        name.replace(plus, 1, "_plus_");
    return name;
}

class CallForms : public GpuTest, public ::testing::WithParamInterface<CallForm> {};

TEST_P(CallForms, areRightOrRefusedByName) {
    const CallForm& form = GetParam();
    const GoldenCase golden(std::string(SACCADE_TEST_DATA "/cases/") + form.file + ".safetensors");
    const bool deformable = golden.module().starts_with("DeformableAttention");
    Context context(device());
    try {
        Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        description.info.options = golden.file.metadata.at("args").c_str();
        description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
        const char* limit = forbiddingLimit(device(), golden.module(), golden.inputs, false);
        if (limit && !form.refused) {
            expectForbidden(model, description, limit);
            return;
        }
        const Plan plan(model, description);
        ASSERT_EQ(form.refused, nullptr) << "was accepted";
        const reference::Tensors results = runOnce(plan, golden.inputs, golden.outputs);
        for (const auto& [name, expected] : golden.outputs)
            EXPECT_LE(reference::relativeError(results.at(name), expected), name == "attention" ? form.mapTolerance
                                                                            : deformable        ? 5e-5
                                                                                                : 1e-5)
                << name;
    } catch (const sac::Exception& error) {
        ASSERT_NE(form.refused, nullptr) << "was refused: " << error.what();
        EXPECT_NE(std::string(error.what()).find(form.refused), std::string::npos) << error.what();
    }
    if (form.warned) {
        ASSERT_EQ(context.log().size(), 1u);
        EXPECT_NE(context.log()[0].find(form.warned), std::string::npos) << context.log()[0];
    }
}

INSTANTIATE_TEST_SUITE_P(Files, CallForms, ::testing::ValuesIn(forms), testName);

TEST(CallFormFiles, areAllListed) {
    std::set<std::string> listed, there;
    for (const CallForm& form : forms)
        listed.insert(form.file);
    for (const auto& entry : std::filesystem::directory_iterator(SACCADE_TEST_DATA "/cases"))
        there.insert(entry.path().stem().string());
    EXPECT_EQ(listed, there);
}

} // namespace
} // namespace saccade::test
