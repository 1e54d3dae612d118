// SPDX-License-Identifier: Apache-2.0
// Which position bias a plan takes: a table that meets the tolerance, the finest one there is, or none.
#include <gtest/gtest.h>

#include <string>

#include "reference/compare.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

class PositionBias : public GpuTest {
protected:
    // Ten heads share one group, so that a table within 16 MiB has 64 nodes an axis at most: off by 1e-3.
    const GoldenCase golden{SACCADE_TEST_DATA "/inside/nd3d_ref_2.safetensors"};
    Context context{device()};
    Model model{context, golden.bytes};

    Plan plan(SacPositionBiasMode bias, float tolerance = 0, VkDeviceSize limit = 0) const {
        sac::PlanBuilder description;
        golden.describe(description);
        description.positionBias(bias, tolerance, limit);
        return Plan(model, description);
    }
    double errorOfY(const Plan& made) const {
        return reference::relativeError(runOnce(made, golden.inputs, golden.outputs).at("y"), golden.outputs.at("y"));
    }
};

TEST_F(PositionBias, automaticIsExactWhereNoTableMeetsTheTolerance) {
    const Plan made = plan(SAC_POSITION_BIAS_MODE_AUTO);
    EXPECT_EQ(made.positionBias().mode, SAC_POSITION_BIAS_MODE_EXACT);
    EXPECT_EQ(made.positionBias().tableError, 0);
    EXPECT_LE(errorOfY(made), 5e-5);
    EXPECT_EQ(plan(SAC_POSITION_BIAS_MODE_AUTO, 0.5f, 16).positionBias().mode, SAC_POSITION_BIAS_MODE_EXACT);
}

TEST_F(PositionBias, tableOutOfReachIsTheFinestThereIs) {
    const Plan made = plan(SAC_POSITION_BIAS_MODE_TABLE);
    const SacPositionBiasProperties properties = made.positionBias();
    ASSERT_EQ(properties.mode, SAC_POSITION_BIAS_MODE_TABLE);
    EXPECT_GT(properties.tableError, 1e-4f);
    EXPECT_LE(properties.tableError, 2e-3f);
    EXPECT_LE(errorOfY(made), 2 * properties.tableError);
    EXPECT_LE(made.memory(SAC_MEMORY_TABLES).size, VkDeviceSize{16} << 20);
    ASSERT_FALSE(context.log().empty());
    EXPECT_NE(context.log().back().find("above the tolerance"), std::string::npos) << context.log().back();

    const Plan small = plan(SAC_POSITION_BIAS_MODE_TABLE, 0, VkDeviceSize{2} << 20);
    EXPECT_GT(small.positionBias().tableError, properties.tableError);
    EXPECT_LE(small.memory(SAC_MEMORY_TABLES).size, VkDeviceSize{2} << 20);
}

TEST_F(PositionBias, tableIsTheSmallestThatMeetsTheTolerance) {
    const SacPositionBiasProperties coarse = plan(SAC_POSITION_BIAS_MODE_AUTO, 0.1f).positionBias();
    const SacPositionBiasProperties fine = plan(SAC_POSITION_BIAS_MODE_AUTO, 2e-3f).positionBias();
    EXPECT_EQ(coarse.mode, SAC_POSITION_BIAS_MODE_TABLE);
    EXPECT_EQ(fine.mode, SAC_POSITION_BIAS_MODE_TABLE);
    EXPECT_LE(coarse.tableError, 0.1f);
    EXPECT_LE(fine.tableError, 2e-3f);
    EXPECT_LT(coarse.tableSize[0], fine.tableSize[0]);
}

} // namespace
} // namespace saccade::test
