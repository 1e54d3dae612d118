// SPDX-License-Identifier: Apache-2.0
// Shapes and magnitudes that no golden file has, against the float64 reference: odd sizes, one pixel, one key, batches,
// groups, and inputs so large that scores reach millions.
#include <gtest/gtest.h>

#include <cstdio>

#include "random/random_model.hpp"

namespace saccade::test {
namespace {

class Random : public GpuTest, public ::testing::WithParamInterface<Case> {};

class Deformable : public Random {};

TEST_P(Deformable, agreesWithFloat64) {
    const RandomCase random(GetParam(), 1);
    // Were all sampling points outside, y would be the output layer's bias whatever the rest does.
    ASSERT_GT(reference::shareInside(GetParam().module, random.config, random.inputs.at("x").shape,
                                     random.expected.at("vgrid")),
              0.2);
    Context context(device());
    Model model(context, random.bytes);
    sac::PlanBuilder description;
    random.describe(description);
    if (!random.isAllowed(model, description))
        return;
    description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
    random.expectResults(Plan(model, description), 5e-5);

    description.positionBias(SAC_POSITION_BIAS_MODE_AUTO);
    const Plan tabulated(model, description);
    if (tabulated.positionBias().mode == SAC_POSITION_BIAS_MODE_TABLE)
        random.expectResults(tabulated, 2e-4);
    else
        std::printf("%s: no table meets the default tolerance, AUTO is exact\n", GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    OneAxis, Deformable,
    ::testing::Values(Case{"oddLength", "DeformableAttention1D",
                           R"({"dim": 36, "heads": 6, "dim_head": 5, "offset_groups": 3, "downsample_factor": 3,
                 "offset_kernel_size": 5})",
                           R"({"batch": 3, "size": [17]})"},
                      Case{"oneKey", "DeformableAttention1D",
                           R"({"dim": 16, "heads": 2, "dim_head": 12, "offset_groups": 1, "downsample_factor": 4,
                 "offset_kernel_size": 6, "cpb_log_distance": false})",
                           R"({"batch": 2, "size": [4]})"},
                      Case{"onePixel", "DeformableAttention1D",
                           R"({"dim": 8, "heads": 2, "dim_head": 1, "offset_groups": 2, "downsample_factor": 1,
                 "offset_kernel_size": 1})",
                           R"({"batch": 3, "size": [1]})"},
                      Case{"listing", "DeformableAttention1D",
                           R"({"dim": 20, "heads": 4, "dim_head": 7, "offset_groups": 2, "downsample_factor": 2,
                 "offset_kernel_size": 4, "sampling": "listing", "offset_scale": 3, "group_key_values": false})",
                           R"({"batch": 2, "size": [33]})"},
                      Case{"largeInput", "DeformableAttention1D",
                           R"({"dim": 28, "heads": 2, "dim_head": 9, "offset_groups": 2, "downsample_factor": 2,
                 "offset_kernel_size": 4})",
                           R"({"batch": 2, "size": [39], "factor": 1024})"}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    TwoAxes, Deformable,
    ::testing::Values(Case{"oddSizes", "DeformableAttention2D",
                           R"({"dim": 24, "heads": 6, "dim_head": 5, "offset_groups": 3, "downsample_factor": 2,
                 "offset_kernel_size": 4})",
                           R"({"batch": 2, "size": [7, 11]})"},
                      Case{"onePixel", "DeformableAttention2D",
                           R"({"dim": 12, "heads": 3, "dim_head": 8, "offset_groups": 3, "downsample_factor": 1,
                 "offset_kernel_size": 3})",
                           R"({"batch": 3, "size": [1, 1]})"},
                      Case{"oneKey", "DeformableAttention2D",
                           R"({"dim": 32, "heads": 2, "dim_head": 17, "offset_groups": 1, "downsample_factor": 4,
                 "offset_kernel_size": 6, "group_queries": false})",
                           R"({"batch": 1, "size": [4, 5]})"},
                      Case{"dimTooSmallForABias", "DeformableAttention2D",
                           R"({"dim": 3, "heads": 3, "dim_head": 4, "offset_groups": 3, "downsample_factor": 2,
                 "offset_kernel_size": 4})",
                           R"({"batch": 2, "size": [6, 9]})"},
                      Case{"oneRowOfKeys", "DeformableAttention2D",
                           R"({"dim": 16, "heads": 4, "dim_head": 4, "offset_groups": 4, "downsample_factor": 2,
                 "offset_kernel_size": 4, "axis_order": "xyz", "offset_scale": 1.5})",
                           R"({"batch": 2, "size": [2, 37]})"},
                      Case{"largeInput", "DeformableAttention2D",
                           R"({"dim": 16, "heads": 4, "dim_head": 6, "offset_groups": 2, "downsample_factor": 2,
                 "offset_kernel_size": 4})",
                           R"({"batch": 1, "size": [8, 14], "factor": 256})"}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    ThreeAxes, Deformable,
    ::testing::Values(Case{"oddSizes", "DeformableAttention3D",
                           R"({"dim": 16, "heads": 4, "dim_head": 9, "offset_groups": 2, "downsample_factor": [1, 2, 2],
                 "offset_kernel_size": [3, 4, 4]})",
                           R"({"batch": 2, "size": [3, 5, 7]})"},
                      Case{"oneKey", "DeformableAttention3D",
                           R"({"dim": 8, "heads": 2, "dim_head": 16, "offset_groups": 1, "downsample_factor": [2, 2, 2],
                 "offset_kernel_size": [4, 4, 4], "axis_order": "xyz"})",
                           R"({"batch": 3, "size": [2, 3, 2]})"},
                      Case{"onePixel", "DeformableAttention3D",
                           R"({"dim": 4, "heads": 2, "dim_head": 3, "offset_groups": 2, "downsample_factor": [1, 1, 1],
                 "offset_kernel_size": [3, 3, 3]})",
                           R"({"batch": 2, "size": [1, 1, 1]})"}),
    nameOf);

class GridSample : public Random {};

TEST_P(GridSample, agreesWithFloat64) {
    const RandomCase random(GetParam(), 2);
    Context context(device());
    Model model(context, random.bytes);
    sac::PlanBuilder description;
    random.describe(description);
    if (!random.isAllowed(model, description))
        return;
    random.expectResults(Plan(model, description), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GridSample,
    ::testing::Values(Case{"sequence", "grid_sample", R"({"dims": 1, "padding": "border"})",
                           R"({"batch": 3, "channels": 5, "size": [19], "out": [7]})"},
                      Case{"oneChannel", "grid_sample", R"({"dims": 2, "padding": "reflection"})",
                           R"({"batch": 2, "channels": 1, "size": [9, 4], "out": [3, 11]})"},
                      Case{"onePixel", "grid_sample", R"({"dims": 2, "padding": "reflection", "align_corners": true})",
                           R"({"batch": 1, "channels": 6, "size": [1, 1], "out": [5, 3]})"},
                      Case{"onePoint", "grid_sample",
                           R"({"dims": 2, "mode": "bicubic", "padding": "border", "align_corners": true})",
                           R"({"batch": 2, "channels": 7, "size": [5, 13], "out": [1, 1]})"},
                      Case{"volume", "grid_sample", R"({"dims": 3})",
                           R"({"batch": 2, "channels": 3, "size": [2, 1, 5], "out": [1, 4, 3]})"},
                      Case{"nearest", "grid_sample", R"({"dims": 3, "mode": "nearest", "padding": "border"})",
                           R"({"batch": 1, "channels": 9, "size": [3, 4, 3], "out": [2, 2, 5]})"}),
    nameOf);

} // namespace
} // namespace saccade::test
