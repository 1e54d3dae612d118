// SPDX-License-Identifier: Apache-2.0
// torchvision's ShiftedWindowAttention against the float64 reference: padding, shifts, windows that are not square or
// larger than the map, part of a batch, halves.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "host/errors.hpp"
#include "reference/compare.hpp"
#include "reference/random.hpp"
#include "reference/reference.hpp"
#include "support/golden.hpp"
#include "support/limits.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

using reference::Tensor;
using reference::Tensors;

struct SwinCase {
    const char* name;
    int64_t dim, heads;
    std::array<int64_t, 2> window, shift;
    std::array<int64_t, 2> size;
    bool qkvBias = true, projBias = true;
};

void PrintTo(const SwinCase& c, std::ostream* stream) { *stream << c.name; }

nlohmann::json configOf(const SwinCase& c) {
    return {{"dim", c.dim},          {"window_size", c.window}, {"shift_size", c.shift}, {"num_heads", c.heads},
            {"qkv_bias", c.qkvBias}, {"proj_bias", c.projBias}, {"dropout", 0.1},        {"attention_dropout", 0.1}};
}

// relative_position_index is a buffer that state_dict has and nothing reads.
Tensors randomWeights(const SwinCase& c) {
    reference::Random random(1);
    const double scale = 1.5 / std::sqrt(static_cast<double>(c.dim));
    Tensors w;
    w["qkv.weight"] = random.uniformTensor({3 * c.dim, c.dim}, -scale, scale);
    w["proj.weight"] = random.uniformTensor({c.dim, c.dim}, -scale, scale);
    w["relative_position_bias_table"] =
        random.uniformTensor({(2 * c.window[0] - 1) * (2 * c.window[1] - 1), c.heads}, -2, 2);
    w["relative_position_index"] = Tensor({4});
    if (c.qkvBias)
        w["qkv.bias"] = random.uniformTensor({3 * c.dim}, -1, 1);
    if (c.projBias)
        w["proj.bias"] = random.uniformTensor({c.dim}, -1, 1);
    return w;
}

class ShiftedWindowAttention : public GpuTest, public ::testing::WithParamInterface<SwinCase> {
protected:
    const SwinCase& c = GetParam();
    Tensors weights = randomWeights(c);
    Tensors inputs{{"x", reference::Random(2).normalTensor({2, c.size[0], c.size[1], c.dim})}};
    Tensors expected = reference::run("ShiftedWindowAttention", configOf(c), weights, inputs);
    std::vector<std::byte> bytes = makeModelFile("ShiftedWindowAttention", configOf(c), weights);

    /// Whether the device allows the plan. Where it does not, expects the refusal.
    bool isAllowed(SacModel model, sac::PlanBuilder& description, bool half) const {
        const char* limit = forbiddingLimit(device(), "ShiftedWindowAttention", inputs, half);
        if (limit)
            expectForbidden(model, description, limit);
        return !limit;
    }
};

TEST_P(ShiftedWindowAttention, agreesWithFloat64) {
    Context context(device());
    Model model(context, bytes);
    sac::PlanBuilder description;
    description.input("x", inputs.at("x").shape);
    if (!isAllowed(model, description, false))
        return;
    const Tensors results = runOnce(Plan(model, description), inputs, expected);
    EXPECT_LE(reference::relativeError(results.at("y"), expected.at("y")), 1e-5);
}

TEST_P(ShiftedWindowAttention, agreesInHalves) {
    Context context(device());
    Model model(context, bytes);
    sac::PlanBuilder description;
    description.input("x", inputs.at("x").shape);
    description.info.precision = SAC_PRECISION_FLOAT16;
    if (!isAllowed(model, description, true))
        return;
    const Tensors results = runOnce(Plan(model, description), inputs, expected);
    EXPECT_LE(reference::relativeError(results.at("y"), expected.at("y")), 5e-3);
}

// A run of one of two entries writes that one alone.
TEST_P(ShiftedWindowAttention, runsPartOfTheBatch) {
    Context context(device());
    Model model(context, bytes);
    sac::PlanBuilder description;
    const Tensor& x = inputs.at("x");
    description.input("x", x.shape);
    if (!isAllowed(model, description, false))
        return;
    const Plan plan(model, description);
    PlanBuffers buffers(device(), plan);
    buffers.write("x", x);
    buffers.write("y", Tensor(x.shape, 7));
    submit([&](VkCommandBuffer commandBuffer) {
        recordUpload(plan, commandBuffer, buffers);
        recordRun(plan, commandBuffer, buffers, 1);
    });
    const Tensor y = buffers.read("y");
    const auto half = static_cast<std::ptrdiff_t>(y.data.size() / 2);
    Tensor first(x.shape, 7);
    std::copy_n(expected.at("y").data.begin(), half, first.data.begin());
    EXPECT_LE(reference::relativeError(y, first), 1e-5);
    EXPECT_TRUE(std::all_of(y.data.begin() + half, y.data.end(), [](double value) { return value == 7; }));
}

INSTANTIATE_TEST_SUITE_P(Shapes, ShiftedWindowAttention,
                         ::testing::Values(SwinCase{"unshifted", 8, 2, {4, 4}, {0, 0}, {8, 12}},
                                           SwinCase{"shifted", 8, 2, {4, 4}, {2, 2}, {8, 12}},
                                           SwinCase{"padded", 6, 1, {4, 4}, {0, 0}, {7, 9}},
                                           SwinCase{"paddedAndShifted", 15, 3, {4, 3}, {3, 1}, {9, 7}},
                                           SwinCase{"notSquare", 12, 2, {2, 5}, {1, 2}, {6, 10}},
                                           SwinCase{"oneAxisShifted", 8, 4, {3, 4}, {0, 3}, {6, 11}},
                                           SwinCase{"largerThanTheMap", 8, 2, {7, 7}, {3, 3}, {3, 5}},
                                           SwinCase{"largerAlongOneAxis", 10, 2, {6, 4}, {3, 2}, {5, 9}},
                                           SwinCase{"onePixel", 4, 2, {2, 2}, {1, 1}, {1, 1}},
                                           SwinCase{"noBiases", 8, 2, {4, 4}, {2, 1}, {6, 5}, false, false},
                                           SwinCase{"swinT", 96, 3, {7, 7}, {3, 3}, {15, 14}}),
                         [](const auto& info) { return std::string(info.param.name); });

class ShiftedWindowRefused : public GpuTest {
protected:
    static void expectRefused(const SwinCase& c, const reference::Shape& x, const char* named) {
        SCOPED_TRACE(named);
        const auto bytes = makeModelFile("ShiftedWindowAttention", configOf(c), randomWeights(c));
        Context context(device());
        try {
            const Model model(context, bytes);
            sac::PlanBuilder description;
            description.input("x", x);
            const Plan plan(model, description);
            ADD_FAILURE() << "was accepted";
        } catch (const sac::Exception& error) {
            EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
        }
    }
};

TEST_F(ShiftedWindowRefused, byName) {
    expectRefused({"", 8, 3, {4, 4}, {2, 2}, {8, 8}}, {1, 8, 8, 8}, "\"dim\": 8 is not divisible by \"num_heads\": 3");
    expectRefused({"", 8, 2, {4, 4}, {2, 4}, {8, 8}}, {1, 8, 8, 8}, "\"shift_size\": [1] is 4");
    expectRefused({"", 8, 2, {4, 4}, {2, 2}, {8, 8}}, {1, 8, 8, 9}, "\"x\": shape[3] is 9");
    expectRefused({"", 8, 2, {4, 4}, {2, 2}, {8, 8}}, {1, 8, 8}, "input \"x\" has rank 3");
    expectRefused({"", 512, 1, {4, 4}, {2, 2}, {8, 8}}, {1, 8, 8, 512}, "head");
    expectRefused({"", 2, 2, {200, 200}, {2, 2}, {8, 8}}, {1, 400, 400, 2}, "the position bias");
}

} // namespace
} // namespace saccade::test
