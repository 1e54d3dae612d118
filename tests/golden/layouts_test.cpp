// SPDX-License-Identifier: Apache-2.0
// Buffers as the engine has them: every pair of layouts and types of an input and an output gives a golden case's
// numbers.
#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "reference/compare.hpp"
#include "reference/reference.hpp"
#include "support/golden.hpp"
#include "support/limits.hpp"

namespace saccade::test {
namespace {

// The values of (b, c, n...) in the order (b, n..., c), under the shape they had.
reference::Tensor channelsLast(const reference::Tensor& tensor) {
    reference::Tensor out(tensor.shape);
    const int64_t batch = tensor.shape[0], channels = tensor.shape[1], positions = tensor.count() / (batch * channels);
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t c = 0; c < channels; ++c)
            for (int64_t n = 0; n < positions; ++n)
                out.data[std::size_t((b * positions + n) * channels + c)] =
                    tensor.data[std::size_t((b * channels + c) * positions + n)];
    return out;
}

struct Form {
    const char* name;
    SacLayout layout;
    SacDataType type;

    reference::Tensor stored(const reference::Tensor& tensor) const {
        return layout == SAC_LAYOUT_CHANNELS_LAST ? channelsLast(tensor) : tensor;
    }
};

constexpr Form forms[] = {
    {"contiguous float32", SAC_LAYOUT_CONTIGUOUS, SAC_DATA_TYPE_FLOAT32},
    {"contiguous float16", SAC_LAYOUT_CONTIGUOUS, SAC_DATA_TYPE_FLOAT16},
    {"channels last float32", SAC_LAYOUT_CHANNELS_LAST, SAC_DATA_TYPE_FLOAT32},
    {"channels last float16", SAC_LAYOUT_CHANNELS_LAST, SAC_DATA_TYPE_FLOAT16},
};

class Layouts : public GpuTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(Layouts, giveTheSameNumbers) {
    const GoldenCase golden(std::string(SACCADE_TEST_DATA "/golden/") + GetParam() + ".safetensors");
    const auto config = nlohmann::json::parse(golden.file.metadata.at("config"));
    const reference::Tensors weights = reference::withPrefix(golden.file.tensors, "w.");
    const reference::Tensor& exactX = golden.inputs.at("x");
    const reference::Tensor halfX =
        decode(encode(exactX, SAC_DATA_TYPE_FLOAT16).data(), SAC_DATA_TYPE_FLOAT16, exactX.shape);
    // Offsets make a rounding of x larger in y, so each stored x has a y of its own.
    const reference::Tensor exactY = golden.outputs.at("y");
    const reference::Tensor halfY = reference::run(golden.module(), config, weights, {{"x", halfX}}).at("y");
    const bool halves = hasHalves(device());
    Context context(device());
    Model model(context, golden.bytes);
    for (const SacPrecision precision : {SAC_PRECISION_FLOAT32, SAC_PRECISION_FLOAT16_IF_SUPPORTED})
        for (const Form& x : forms)
            for (const Form& y : forms) {
                const bool half = x.type == SAC_DATA_TYPE_FLOAT16 || y.type == SAC_DATA_TYPE_FLOAT16;
                if (half && !halves)
                    continue; // refused: tests/api/plan_arguments_test.cpp
                sac::PlanBuilder description;
                description.info.precision = precision;
                description.input("x", exactX.shape, x.type, x.layout).output("y", y.type, y.layout);
                if (const char* limit = forbiddingLimit(device(), golden.module(), golden.inputs, false)) {
                    expectForbidden(model, description, limit);
                    continue;
                }
                const Plan plan(model, description);
                const bool halfIn = x.type == SAC_DATA_TYPE_FLOAT16, halfOut = y.type == SAC_DATA_TYPE_FLOAT16;
                const reference::Tensors expected{{"y", y.stored(halfIn ? halfY : exactY)}};
                const reference::Tensors results = runOnce(plan, {{"x", x.stored(halfIn ? halfX : exactX)}}, expected);
                const bool halfInside = plan.properties().precision == SAC_PRECISION_FLOAT16;
                EXPECT_LE(reference::relativeError(results.at("y"), expected.at("y")), halfInside ? 5e-3
                                                                                       : halfOut  ? 5e-4
                                                                                                  : 2e-4)
                    << x.name << " -> " << y.name << ", precision " << precision;
            }
}

// A batch of three, a grid that is not square, channels that four does not divide evenly into lines.
INSTANTIATE_TEST_SUITE_P(Cases, Layouts, ::testing::Values("deformable_1d_2", "deformable_2d_1", "deformable_2d_2"));

} // namespace
} // namespace saccade::test
