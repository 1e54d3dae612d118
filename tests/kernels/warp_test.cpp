// SPDX-License-Identifier: Apache-2.0
// warpKernel and applyKernelsKernel against float64: motion of every size and kind, edges, kernels up to the largest,
// channel counts that fill no vector, maps in PyTorch's order.
#include "kernels/warp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reference/random.hpp"
#include "support/kernel_runner.hpp"
#include "support/strided.hpp"

namespace saccade::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

template <class Case>
std::string nameOf(const ::testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

template <class Desc>
Extents extents(const Desc& desc, uint32_t channels) {
    return {1, 1, desc.batch, desc.rows, desc.columns, channels};
}

Operand randomOperand(const StridedView& view, const Extents& size, DataType type, reference::Random& random) {
    Operand filled(extentOf(view, size), nan, type);
    forEachElement(size,
                   [&](const Extents& at) { filled.values[placeOf(view, at)] = rounded(random.uniform(-2, 2), type); });
    return filled;
}

// (b, c, h, w) seen as (b, h, w, c).
StridedView channelMajor(const Extents& size, uint32_t offset) {
    const uint32_t pixels = size[3] * size[4];
    return {offset, {0, 0, size[5] * pixels, size[4], 1, pixels}};
}

// Element (row, column) of a map with its edge or zeros around it.
double pixelOf(const Operand& source, const StridedView& view, const Extents& size, Extents at, int64_t row,
               int64_t column, bool border) {
    const int64_t lastRow = size[3] - 1, lastColumn = size[4] - 1;
    if (!border && (row < 0 || row > lastRow || column < 0 || column > lastColumn))
        return 0;
    at[3] = static_cast<uint32_t>(std::clamp<int64_t>(row, 0, lastRow));
    at[4] = static_cast<uint32_t>(std::clamp<int64_t>(column, 0, lastColumn));
    return source.values[placeOf(view, at)];
}

struct WarpCase {
    const char* name;
    WarpDesc desc;
};

void PrintTo(const WarpCase& c, std::ostream* stream) { *stream << c.name; }

WarpDesc warp(uint32_t batch, uint32_t rows, uint32_t columns, uint32_t channels, bool nearest, bool border) {
    WarpDesc desc;
    desc.batch = batch;
    desc.rows = rows;
    desc.columns = columns;
    desc.channels = channels;
    desc.nearest = nearest;
    desc.border = border;
    desc.source = desc.result = StridedView::dense(extents(desc, channels));
    desc.motion = StridedView::dense(extents(desc, 2));
    return desc;
}

WarpDesc scaled(WarpDesc desc, float x, float y) {
    desc.scale = {x, y};
    return desc;
}

WarpDesc channelMajor(WarpDesc desc) {
    desc.source = channelMajor(extents(desc, desc.channels), 3);
    desc.motion = channelMajor(extents(desc, 2), 1);
    desc.result = channelMajor(extents(desc, desc.channels), 0);
    return desc;
}

WarpDesc halves(WarpDesc desc, DataType motion) {
    desc.storage = DataType::f16;
    desc.motionType = motion;
    return desc;
}

class Warp : public KernelTest, public ::testing::WithParamInterface<WarpCase> {};

TEST_P(Warp, agreesWithFloat64) {
    const WarpDesc& desc = GetParam().desc;
    if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    reference::Random random(53);
    const Extents size = extents(desc, desc.channels), pixels = extents(desc, 1);
    Operand source = randomOperand(desc.source, size, desc.storage, random);
    Operand motion = randomOperand(desc.motion, extents(desc, 2), desc.motionType, random);
    // Whole pixels, halves of one, far outside, and what is no number.
    const double special[] = {0, 1, -3, 0.5, -1.5, 2.5, 40, -40, 1e5, -1e5, infinity, -infinity, nan};
    forEachElement(extents(desc, 2), [&](const Extents& at) {
        if (random.index(3) == 0)
            motion.values[placeOf(desc.motion, at)] =
                rounded(special[random.index(std::size(special))], desc.motionType);
    });
    Operand result(extentOf(desc.result, size), untouched, desc.storage);
    std::vector<double> expected = result.values;
    forEachElement(pixels, [&](Extents at) {
        std::array<double, 2> from{}; // row, column
        for (uint32_t axis = 0; axis < 2; ++axis) {
            at[5] = 1 - axis;
            const double shift = motion.values[placeOf(desc.motion, at)] * desc.scale[1 - axis];
            from[axis] = at[3 + axis] + (std::isnan(shift) ? -1e6 : std::clamp(shift, -1e6, 1e6));
        }
        for (uint32_t c = 0; c < desc.channels; ++c) {
            at[5] = c;
            const auto pixel = [&](double row, double column) {
                return pixelOf(source, desc.source, size, at, static_cast<int64_t>(row), static_cast<int64_t>(column),
                               desc.border);
            };
            const double row = std::floor(from[0]), column = std::floor(from[1]);
            const double t = from[0] - row, s = from[1] - column;
            expected[placeOf(desc.result, at)] =
                desc.nearest ? pixel(std::nearbyint(from[0]), std::nearbyint(from[1]))
                             : (pixel(row, column) * (1 - s) + pixel(row, column + 1) * s) * (1 - t) +
                                   (pixel(row + 1, column) * (1 - s) + pixel(row + 1, column + 1) * s) * t;
        }
    });
    run(warpKernel(desc, profile()), {&source, &motion, &result});
    expectElements(result.values, expected, desc.storage == DataType::f16 ? 5e-4 : 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Warp,
                         ::testing::Values(WarpCase{"border", warp(2, 9, 14, 8, false, true)},
                                           WarpCase{"zeros", warp(2, 9, 14, 8, false, false)},
                                           WarpCase{"image", warp(1, 21, 33, 3, false, true)},
                                           WarpCase{"imageZeros", warp(1, 21, 33, 3, false, false)},
                                           WarpCase{"five", warp(1, 9, 14, 5, false, true)},
                                           WarpCase{"nearest", warp(2, 9, 14, 4, true, true)},
                                           WarpCase{"nearestZeros", warp(1, 21, 33, 1, true, false)},
                                           WarpCase{"scaled", scaled(warp(2, 9, 14, 6, false, true), -0.5f, 2)},
                                           WarpCase{"wide", warp(1, 2, 4099, 1, false, true)},
                                           WarpCase{"channelMajor", channelMajor(warp(2, 9, 14, 8, false, true))},
                                           WarpCase{"halves", halves(warp(2, 9, 14, 8, false, true), DataType::f16)},
                                           WarpCase{"halvesByFloats",
                                                    halves(warp(1, 21, 33, 3, false, false), DataType::f32)}),
                         nameOf<WarpCase>);

TEST_F(KernelTest, warpReadsNothingItDoesNotWeigh) {
    WarpDesc desc = warp(1, 1, 3, 1, false, false);
    Operand source({5, infinity, 7}), motion({0, 0, -1, 0, 0, 0}), result(3, untouched);
    run(warpKernel(desc, profile()), {&source, &motion, &result});
    EXPECT_EQ(result.values, (std::vector<double>{5, 5, 7}));
}

struct KernelsCase {
    const char* name;
    ApplyKernelsDesc desc;
};

void PrintTo(const KernelsCase& c, std::ostream* stream) { *stream << c.name; }

using enum KernelNormalization;

ApplyKernelsDesc kernels(uint32_t size, KernelNormalization normalization, bool border, uint32_t batch, uint32_t rows,
                         uint32_t columns, uint32_t channels) {
    ApplyKernelsDesc desc;
    desc.size = size;
    desc.normalization = normalization;
    desc.border = border;
    desc.batch = batch;
    desc.rows = rows;
    desc.columns = columns;
    desc.channels = channels;
    desc.source = desc.result = StridedView::dense(extents(desc, channels));
    desc.kernels = StridedView::dense(extents(desc, size * size));
    return desc;
}

ApplyKernelsDesc channelMajor(ApplyKernelsDesc desc) {
    desc.source = channelMajor(extents(desc, desc.channels), 3);
    desc.kernels = channelMajor(extents(desc, desc.size * desc.size), 1);
    desc.result = channelMajor(extents(desc, desc.channels), 0);
    return desc;
}

ApplyKernelsDesc halves(ApplyKernelsDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

class ApplyKernels : public KernelTest, public ::testing::WithParamInterface<KernelsCase> {};

TEST_P(ApplyKernels, agreesWithFloat64) {
    const ApplyKernelsDesc& desc = GetParam().desc;
    if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    reference::Random random(59);
    const Extents size = extents(desc, desc.channels), weights = extents(desc, desc.size * desc.size);
    Operand source = randomOperand(desc.source, size, desc.storage, random);
    Operand kernels = randomOperand(desc.kernels, weights, desc.storage, random);
    forEachElement(weights, [&](const Extents& at) {
        double& weight = kernels.values[placeOf(desc.kernels, at)];
        if (desc.normalization == KernelNormalization::sum)
            weight = rounded(std::abs(weight) + 0.1, desc.storage);
        else if (desc.normalization == softmax)
            weight = random.index(9) == 0 && at[5] != 0 ? -infinity : rounded(10 * weight, desc.storage);
    });
    Operand result(extentOf(desc.result, size), untouched, desc.storage);
    std::vector<double> expected = result.values;
    const int64_t reach = desc.size / 2;
    forEachElement(size, [&](const Extents& at) {
        const auto weight = [&](uint32_t tap) {
            return kernels.values[placeOf(desc.kernels, {0, 0, at[2], at[3], at[4], tap})];
        };
        double highest = -infinity, sum = 0, value = 0;
        for (uint32_t tap = 0; tap < weights[5]; ++tap)
            highest = std::max(highest, weight(tap));
        for (uint32_t tap = 0; tap < weights[5]; ++tap) {
            const double w = desc.normalization == softmax ? std::exp(weight(tap) - highest) : weight(tap);
            sum += w;
            value += w * pixelOf(source, desc.source, size, at, at[3] + tap / desc.size - reach,
                                 at[4] + tap % desc.size - reach, desc.border);
        }
        expected[placeOf(desc.result, at)] = desc.normalization == none ? value : value / sum;
    });
    run(applyKernelsKernel(desc, profile()), {&source, &kernels, &result});
    expectElements(result.values, expected, desc.storage == DataType::f16 ? 5e-4 : 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Shapes, ApplyKernels,
                         ::testing::Values(KernelsCase{"image", kernels(5, softmax, true, 1, 13, 17, 3)},
                                           KernelsCase{"zeros", kernels(5, softmax, false, 2, 6, 11, 3)},
                                           KernelsCase{"plain", kernels(3, none, true, 2, 6, 11, 4)},
                                           KernelsCase{"plainZeros", kernels(3, none, false, 2, 6, 11, 4)},
                                           KernelsCase{"sum", kernels(7, KernelNormalization::sum, true, 1, 9, 11, 1)},
                                           KernelsCase{"one", kernels(1, none, true, 1, 9, 11, 3)},
                                           KernelsCase{"largest", kernels(21, softmax, true, 1, 5, 7, 3)},
                                           KernelsCase{"eight", kernels(3, softmax, true, 1, 9, 11, 8)},
                                           KernelsCase{"twenty", kernels(3, softmax, false, 1, 9, 11, 20)},
                                           KernelsCase{"seven", kernels(3, none, true, 1, 9, 11, 7)},
                                           KernelsCase{"channelMajor",
                                                       channelMajor(kernels(5, softmax, true, 2, 6, 11, 3))},
                                           KernelsCase{"halves", halves(kernels(5, softmax, true, 1, 13, 17, 3))},
                                           KernelsCase{"halvesPlain", halves(kernels(3, none, false, 1, 13, 17, 8))}),
                         nameOf<KernelsCase>);

} // namespace
} // namespace saccade::test
