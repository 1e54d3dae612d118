// SPDX-License-Identifier: Apache-2.0
// Pooling, interpolation and padding against float64, by PyTorch's definitions: windows over edges, factors beside
// sizes, slices, channels that fill no vector or do not lie side by side.
#include "kernels/resample.hpp"

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

Operand randomOperand(const StridedView& view, const Extents& size, DataType type, reference::Random& random) {
    Operand filled(extentOf(view, size), nan, type);
    forEachElement(size,
                   [&](const Extents& at) { filled.values[placeOf(view, at)] = rounded(random.uniform(-2, 2), type); });
    return filled;
}

template <class Desc>
Extents sourceExtents(const Desc& desc) {
    return {1, 1, desc.batch, desc.sourceSize[0], desc.sourceSize[1], desc.channels};
}

template <class Desc>
Extents resultExtents(const Desc& desc) {
    return {1, 1, desc.batch, desc.resultSize[0], desc.resultSize[1], desc.channels};
}

template <class Desc>
Desc mapped(Desc desc, uint32_t batch, Pair sourceSize, Pair resultSize, uint32_t channels) {
    desc.batch = batch;
    desc.channels = channels;
    desc.sourceSize = sourceSize;
    desc.resultSize = resultSize;
    desc.source = StridedView::dense(sourceExtents(desc));
    desc.result = StridedView::dense(resultExtents(desc));
    return desc;
}

template <class Desc>
Desc halves(Desc desc) {
    desc.storage = DataType::f16;
    return desc;
}

// The source in PyTorch's order, the result in slices of wider tokens.
template <class Desc>
Desc sliced(Desc desc) {
    const auto [rows, columns] = desc.sourceSize;
    desc.source = {2, {0, 0, desc.channels * rows * columns, columns, 1, rows * columns}};
    const uint32_t wide = desc.channels + 4;
    desc.result = {4, {0, 0, wide * desc.resultSize[0] * desc.resultSize[1], wide * desc.resultSize[1], wide, 1}};
    return desc;
}

struct PoolCase {
    const char* name;
    Pool2dDesc desc;
};

void PrintTo(const PoolCase& c, std::ostream* stream) { *stream << c.name; }

Pool2dDesc pool(PoolKind kind, Pair kernel, Pair stride, Pair padding, bool countIncludePad = true) {
    Pool2dDesc desc;
    desc.kind = kind;
    desc.kernel = kernel;
    desc.stride = stride;
    desc.padding = padding;
    desc.countIncludePad = countIncludePad;
    return desc;
}

class Pool2d : public KernelTest, public ::testing::WithParamInterface<PoolCase> {};

TEST_P(Pool2d, agreesWithFloat64) {
    const Pool2dDesc& desc = GetParam().desc;
    if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    reference::Random random(41);
    Operand source = randomOperand(desc.source, sourceExtents(desc), desc.storage, random);
    Operand result(extentOf(desc.result, resultExtents(desc)), untouched, desc.storage);
    std::vector<double> expected = result.values;
    forEachElement(resultExtents(desc), [&](const Extents& at) {
        double sum = 0, highest = -infinity;
        int counted = 0;
        for (uint32_t i = 0; i < desc.kernel[0]; ++i)
            for (uint32_t j = 0; j < desc.kernel[1]; ++j) {
                const int64_t row = int64_t{at[3]} * desc.stride[0] + i - desc.padding[0];
                const int64_t column = int64_t{at[4]} * desc.stride[1] + j - desc.padding[1];
                const int64_t rows = desc.sourceSize[0], columns = desc.sourceSize[1];
                if (row >= 0 && row < rows && column >= 0 && column < columns) {
                    Extents from = at;
                    from[3] = static_cast<uint32_t>(row);
                    from[4] = static_cast<uint32_t>(column);
                    sum += source.values[placeOf(desc.source, from)];
                    highest = std::max(highest, source.values[placeOf(desc.source, from)]);
                    ++counted;
                } else if (desc.countIncludePad && row < rows + desc.padding[0] && column < columns + desc.padding[1]) {
                    ++counted;
                }
            }
        expected[placeOf(desc.result, at)] = desc.kind == PoolKind::max ? highest : sum / counted;
    });
    run(pool2dKernel(desc, profile()), {&source, &result});
    expectElements(result.values, expected, desc.storage == DataType::f16 ? 5e-4 : 1e-6);
}

using enum PoolKind;

INSTANTIATE_TEST_SUITE_P(
    Shapes, Pool2d,
    ::testing::Values(PoolCase{"max", mapped(pool(max, {2, 2}, {2, 2}, {0, 0}), 2, {10, 14}, {5, 7}, 8)},
                      PoolCase{"maxOdd", mapped(pool(max, {3, 3}, {2, 2}, {1, 1}), 2, {11, 13}, {6, 7}, 3)},
                      PoolCase{"maxUneven", mapped(pool(max, {3, 2}, {1, 3}, {1, 0}), 1, {9, 13}, {9, 4}, 4)},
                      PoolCase{"average", mapped(pool(average, {2, 2}, {2, 2}, {0, 0}), 2, {10, 14}, {5, 7}, 8)},
                      PoolCase{"averagePadded", mapped(pool(average, {3, 3}, {2, 2}, {1, 1}), 1, {11, 13}, {6, 7}, 4)},
                      PoolCase{"averageOfInside",
                               mapped(pool(average, {3, 3}, {1, 1}, {1, 1}, false), 1, {5, 4}, {5, 4}, 5)},
                      // ceil_mode: the last windows reach beyond the padding.
                      PoolCase{"averageCeiled", mapped(pool(average, {3, 3}, {2, 2}, {1, 1}), 1, {10, 12}, {6, 7}, 4)},
                      PoolCase{"maxCeiled", mapped(pool(max, {2, 2}, {2, 2}, {0, 0}), 1, {7, 5}, {4, 3}, 4)},
                      PoolCase{"sliced", sliced(mapped(pool(max, {2, 2}, {2, 2}, {0, 0}), 2, {10, 14}, {5, 7}, 8))},
                      PoolCase{"halves", halves(mapped(pool(average, {2, 2}, {2, 2}, {0, 0}), 2, {10, 14}, {5, 7}, 8))},
                      PoolCase{"halvesOdd", halves(mapped(pool(max, {3, 3}, {2, 2}, {1, 1}), 1, {11, 13}, {6, 7}, 3))}),
    nameOf<PoolCase>);

TEST_F(KernelTest, maxPoolingKeepsNan) {
    const Pool2dDesc desc = mapped(pool(max, {1, 3}, {1, 3}, {0, 0}), 1, {1, 6}, {1, 2}, 1);
    Operand source({1, nan, 3, -2, -infinity, -5}), result(2, untouched);
    run(pool2dKernel(desc, profile()), {&source, &result});
    EXPECT_TRUE(std::isnan(result.values[0]));
    EXPECT_EQ(result.values[1], -2);
}

struct InterpolateCase {
    const char* name;
    Interpolate2dDesc desc;
};

void PrintTo(const InterpolateCase& c, std::ostream* stream) { *stream << c.name; }

Interpolate2dDesc interpolation(bool bilinear, bool alignCorners = false, std::array<double, 2> scaleFactor = {0, 0}) {
    Interpolate2dDesc desc;
    desc.bilinear = bilinear;
    desc.alignCorners = alignCorners;
    desc.scaleFactor = scaleFactor;
    return desc;
}

class Interpolate2d : public KernelTest, public ::testing::WithParamInterface<InterpolateCase> {};

TEST_P(Interpolate2d, agreesWithFloat64) {
    const Interpolate2dDesc& desc = GetParam().desc;
    if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    reference::Random random(43);
    Operand source = randomOperand(desc.source, sourceExtents(desc), desc.storage, random);
    Operand result(extentOf(desc.result, resultExtents(desc)), untouched, desc.storage);
    std::vector<double> expected = result.values;
    forEachElement(resultExtents(desc), [&](const Extents& at) {
        // The two pixels of each axis and the second's weight.
        std::array<std::array<uint32_t, 2>, 2> pixels{};
        std::array<double, 2> weight{};
        for (size_t axis = 0; axis < 2; ++axis) {
            const uint32_t in = desc.sourceSize[axis], out = desc.resultSize[axis], i = at[3 + axis];
            const double factor = desc.scaleFactor[axis];
            if (!desc.bilinear) {
                // Float32, as PyTorch computes it for any type of tensor.
                const float scale = factor > 0 ? static_cast<float>(1 / factor) : static_cast<float>(in) / out;
                const uint32_t from = out == in ? i : out == 2 * in ? i / 2 : static_cast<uint32_t>(i * scale);
                pixels[axis].fill(std::min(from, in - 1));
                continue;
            }
            double from = 0;
            if (desc.alignCorners)
                from = out > 1 ? i * double(in - 1) / (out - 1) : 0;
            else
                from = std::max((i + 0.5) * (factor > 0 ? 1 / factor : double(in) / out) - 0.5, 0.0);
            pixels[axis][0] = std::min(static_cast<uint32_t>(from), in - 1);
            pixels[axis][1] = std::min(pixels[axis][0] + 1, in - 1);
            weight[axis] = std::min(from - pixels[axis][0], 1.0);
        }
        double value = 0;
        for (size_t i = 0; i < 2; ++i)
            for (size_t j = 0; j < 2; ++j)
                value += (i ? weight[0] : 1 - weight[0]) * (j ? weight[1] : 1 - weight[1]) *
                         source.values[placeOf(desc.source, {0, 0, at[2], pixels[0][i], pixels[1][j], at[5]})];
        expected[placeOf(desc.result, at)] = value;
    });
    run(interpolate2dKernel(desc, profile()), {&source, &result});
    expectElements(result.values, expected, desc.storage == DataType::f16 ? 5e-4 : 2e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Interpolate2d,
    ::testing::Values(
        InterpolateCase{"nearestTwice", mapped(interpolation(false), 2, {5, 7}, {10, 14}, 8)},
        InterpolateCase{"nearestOdd", mapped(interpolation(false), 2, {5, 7}, {13, 9}, 3)},
        InterpolateCase{"nearestDown", mapped(interpolation(false), 1, {25, 37}, {7, 11}, 4)},
        InterpolateCase{"nearestFactor", mapped(interpolation(false, false, {1.9, 2.3}), 1, {10, 10}, {19, 23}, 4)},
        InterpolateCase{"nearestFactorOfSize",
                        mapped(interpolation(false, false, {2.05, 1.04}), 1, {10, 10}, {20, 10}, 4)},
        InterpolateCase{"bilinearTwice", mapped(interpolation(true), 2, {5, 7}, {10, 14}, 8)},
        InterpolateCase{"bilinearOdd", mapped(interpolation(true), 2, {5, 7}, {13, 9}, 3)},
        InterpolateCase{"bilinearDown", mapped(interpolation(true), 1, {25, 37}, {7, 11}, 4)},
        InterpolateCase{"bilinearFactor", mapped(interpolation(true, false, {1.9, 2.37}), 1, {10, 10}, {19, 23}, 4)},
        InterpolateCase{"bilinearAligned", mapped(interpolation(true, true), 2, {5, 7}, {10, 15}, 8)},
        InterpolateCase{"bilinearAlignedOne", mapped(interpolation(true, true), 1, {5, 7}, {1, 3}, 5)},
        InterpolateCase{"bilinearOfOne", mapped(interpolation(true), 1, {1, 1}, {3, 2}, 4)},
        InterpolateCase{"sliced", sliced(mapped(interpolation(true), 2, {5, 7}, {10, 14}, 8))},
        InterpolateCase{"halves", halves(mapped(interpolation(true), 2, {5, 7}, {10, 14}, 8))},
        InterpolateCase{"halvesOdd", halves(mapped(interpolation(false), 1, {5, 7}, {13, 9}, 3))}),
    nameOf<InterpolateCase>);

struct PadCase {
    const char* name;
    PadDesc desc;
};

void PrintTo(const PadCase& c, std::ostream* stream) { *stream << c.name; }

PadDesc padding(PadMode mode, Extents size, Extents before, Extents after, float value = 0) {
    PadDesc desc;
    desc.mode = mode;
    desc.value = value;
    desc.sourceSize = size;
    desc.before = before;
    for (uint32_t axis = 0; axis < maxAxes; ++axis)
        desc.resultSize[axis] = before[axis] + size[axis] + after[axis];
    desc.source = StridedView::dense(desc.sourceSize);
    desc.result = StridedView::dense(desc.resultSize);
    return desc;
}

PadDesc viewed(PadDesc desc, StridedView source, StridedView result) {
    desc.source = source;
    desc.result = result;
    return desc;
}

class Pad : public KernelTest, public ::testing::WithParamInterface<PadCase> {};

TEST_P(Pad, isExact) {
    const PadDesc& desc = GetParam().desc;
    if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    reference::Random random(47);
    Operand source = randomOperand(desc.source, desc.sourceSize, desc.storage, random);
    Operand result(extentOf(desc.result, desc.resultSize), untouched, desc.storage);
    std::vector<double> expected = result.values;
    forEachElement(desc.resultSize, [&](const Extents& at) {
        Extents from{};
        bool outside = false;
        for (uint32_t axis = 0; axis < maxAxes; ++axis) {
            const int64_t n = desc.sourceSize[axis];
            int64_t i = int64_t{at[axis]} - desc.before[axis];
            outside = outside || i < 0 || i >= n;
            if (desc.mode == PadMode::reflect)
                i = i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
            else if (desc.mode == PadMode::circular)
                i = (i + n) % n;
            from[axis] = static_cast<uint32_t>(std::clamp<int64_t>(i, 0, n - 1));
        }
        expected[placeOf(desc.result, at)] =
            outside && desc.mode == PadMode::constant ? desc.value : source.values[placeOf(desc.source, from)];
    });
    run(padKernel(desc, profile()), {&source, &result});
    EXPECT_EQ(result.values, expected);
}

using enum PadMode;

INSTANTIATE_TEST_SUITE_P(
    Shapes, Pad,
    ::testing::Values(
        PadCase{"constant", padding(constant, {1, 1, 2, 5, 7, 8}, {0, 0, 0, 1, 2, 0}, {0, 0, 0, 3, 0, 0}, 2.5f)},
        PadCase{"replicate", padding(replicate, {1, 1, 2, 5, 7, 8}, {0, 0, 0, 9, 2, 0}, {0, 0, 0, 3, 11, 0})},
        PadCase{"reflect", padding(reflect, {1, 1, 2, 5, 7, 8}, {0, 0, 0, 4, 2, 0}, {0, 0, 0, 3, 6, 0})},
        PadCase{"circular", padding(circular, {1, 1, 2, 5, 7, 8}, {0, 0, 0, 5, 2, 0}, {0, 0, 0, 3, 7, 0})},
        PadCase{"odd", padding(reflect, {1, 1, 2, 5, 7, 3}, {0, 0, 0, 1, 2, 0}, {0, 0, 0, 1, 3, 0})},
        PadCase{"channels", padding(constant, {1, 1, 2, 5, 7, 8}, {0, 0, 0, 0, 0, 4}, {0, 0, 0, 0, 0, 4}, -1)},
        PadCase{"everyAxis", padding(constant, {2, 3, 2, 3, 2, 4}, {1, 0, 2, 1, 0, 3}, {0, 1, 1, 1, 2, 0}, 7)},
        PadCase{"everyAxisReflected", padding(reflect, {2, 3, 2, 3, 2, 4}, {1, 0, 1, 1, 0, 3}, {0, 1, 1, 1, 1, 0})},
        PadCase{"line", padding(replicate, {1, 1, 1, 1, 1, 100}, {0, 0, 0, 0, 0, 3}, {0, 0, 0, 0, 0, 5})},
        PadCase{"nothing", padding(circular, {1, 1, 2, 5, 7, 8}, {}, {})},
        PadCase{"oneOfOne", padding(constant, {1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 2}, 3)},
        // PyTorch's order read, slices of wider tokens written.
        PadCase{"viewed", viewed(padding(reflect, {1, 1, 2, 5, 7, 8}, {0, 0, 0, 1, 2, 0}, {0, 0, 0, 1, 3, 0}),
                                 {1, {0, 0, 280, 7, 1, 35}}, {4, {0, 0, 2000, 200, 16, 1}})},
        PadCase{"halves", [] {
                    PadDesc desc = padding(constant, {1, 1, 2, 5, 7, 8}, {0, 0, 0, 1, 2, 0}, {0, 0, 0, 3, 0, 0}, 2.5f);
                    desc.storage = DataType::f16;
                    return desc;
                }()}),
    nameOf<PadCase>);

} // namespace
} // namespace saccade::test
