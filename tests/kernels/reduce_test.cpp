// SPDX-License-Identifier: Apache-2.0
// reduceKernel against float64: every kind along rows that lie in one piece and across, long and short, few and many;
// sums of a million elements; infinities and NaN.
#include "kernels/reduce.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reference/random.hpp"
#include "support/kernel_runner.hpp"
#include "support/strided.hpp"

namespace saccade::test {
namespace {

using enum Reduction;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

bool writesElements(Reduction kind) { return kind == softmax || kind == normalize; }

struct Case {
    const char* name;
    ReduceDesc desc;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }
std::string nameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

ReduceDesc over(Reduction kind, uint32_t axis, Extents size) {
    ReduceDesc desc;
    desc.kind = kind;
    desc.axis = axis;
    desc.size = size;
    desc.source = StridedView::dense(size);
    Extents result = size;
    if (!writesElements(kind))
        result[axis] = 1;
    desc.result = StridedView::dense(result);
    return desc;
}

ReduceDesc viewed(ReduceDesc desc, StridedView source, StridedView result) {
    desc.source = source;
    desc.result = result;
    return desc;
}

ReduceDesc halves(ReduceDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

class Reduce : public KernelTest, public ::testing::WithParamInterface<Case> {
protected:
    void expectReduced(const DeviceProfile& mapping) {
        const ReduceDesc& desc = GetParam().desc;
        const bool half = desc.storage == DataType::f16;
        if (half && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
        reference::Random random(29);
        Operand source(extentOf(desc.source, desc.size), nan, desc.storage);
        forEachElement(desc.size, [&](const Extents& at) {
            // Far from zero, so that sums of many need their digits.
            source.values[placeOf(desc.source, at)] = rounded(random.uniform(-2, 2) + 0.25, desc.storage);
        });
        Extents rows = desc.size, results = desc.size;
        rows[desc.axis] = 1;
        if (!writesElements(desc.kind))
            results = rows;
        Operand result(extentOf(desc.result, results), untouched, desc.storage);
        std::vector<double> expected = result.values;
        forEachElement(rows, [&](Extents at) {
            const auto value = [&](uint32_t i) {
                at[desc.axis] = i;
                return source.values[placeOf(desc.source, at)];
            };
            const uint32_t length = desc.size[desc.axis];
            double highest = -infinity, sum = 0;
            for (uint32_t i = 0; i < length; ++i)
                highest = std::max(highest, value(i));
            for (uint32_t i = 0; i < length; ++i)
                sum += desc.kind == softmax     ? std::exp(value(i) - highest)
                       : desc.kind == normalize ? value(i) * value(i)
                                                : value(i);
            if (!writesElements(desc.kind)) {
                at[desc.axis] = 0;
                expected[placeOf(desc.result, at)] = desc.kind == amax   ? highest
                                                     : desc.kind == mean ? sum / length
                                                                         : sum;
                return;
            }
            for (uint32_t i = 0; i < length; ++i) {
                const double x = value(i);
                expected[placeOf(desc.result, at)] = desc.kind == softmax
                                                         ? std::exp(x - highest) / sum
                                                         : x / std::max(std::sqrt(sum), double{desc.epsilon});
            }
        });
        run(reduceKernel(desc, mapping), {&source, &result});
        expectElements(result.values, expected, half ? 5e-4 : 1e-6);
    }
};

TEST_P(Reduce, agreesWithFloat64) { expectReduced(profile()); }
TEST_P(Reduce, agreesAsOnGpus) { expectReduced(gpuProfile()); }

INSTANTIATE_TEST_SUITE_P(
    Shapes, Reduce,
    ::testing::Values(
        Case{"sumAlong", over(sum, 5, {1, 1, 2, 3, 5, 64})}, Case{"meanAlongOdd", over(mean, 5, {1, 1, 2, 3, 5, 37})},
        Case{"amaxAlong", over(amax, 5, {1, 1, 1, 3, 5, 260})},
        Case{"softmaxAlong", over(softmax, 5, {1, 1, 2, 3, 5, 64})},
        Case{"softmaxOdd", over(softmax, 5, {1, 1, 2, 3, 5, 25})},
        Case{"normalizeAlong", over(normalize, 5, {1, 1, 2, 3, 70, 12})},
        Case{"sumAcross", over(sum, 3, {1, 1, 3, 50, 7, 8})}, Case{"meanAcrossOdd", over(mean, 3, {1, 1, 3, 50, 7, 3})},
        Case{"amaxFirst", over(amax, 0, {9, 2, 3, 2, 3, 4})},
        Case{"softmaxAcross", over(softmax, 2, {1, 3, 9, 2, 5, 4})},
        Case{"normalizeAcross", over(normalize, 4, {1, 1, 2, 3, 33, 8})},
        Case{"oneElement", over(softmax, 5, {1, 1, 1, 1, 1, 1})}, Case{"lengthOne", over(sum, 4, {1, 1, 1, 9, 1, 8})},
        Case{"million", over(sum, 5, {1, 1, 1, 1, 1, 1000000})},
        Case{"oddMillion", over(mean, 5, {1, 1, 1, 1, 1, 1000003})},
        Case{"millionAcross", over(mean, 4, {1, 1, 1, 1, 250000, 4})},
        Case{"highestOfMillion", over(amax, 5, {1, 1, 1, 1, 1, 1000001})},
        Case{"softmaxOfMany", over(softmax, 5, {1, 1, 1, 1, 2, 200000})},
        Case{"softmaxOfManyAcross", over(softmax, 4, {1, 1, 1, 2, 50000, 4})},
        Case{"normalizeMany", over(normalize, 5, {1, 1, 1, 1, 1, 300001})},
        Case{"normalizeManyAcross", over(normalize, 4, {1, 1, 1, 1, 70001, 3})},
        // Channels-last maps, reduced over PyTorch's dimensions; slices of wider tensors.
        Case{"softmaxChannelMajor",
             viewed(over(softmax, 3, {1, 1, 2, 12, 5, 7}), {0, {0, 0, 420, 1, 84, 12}}, {0, {0, 0, 420, 1, 84, 12}})},
        Case{"sumSlices",
             viewed(over(sum, 5, {1, 1, 2, 3, 5, 16}), {4, {0, 0, 360, 120, 24, 1}}, {3, {0, 0, 41, 13, 2, 0}})},
        Case{"softmaxSlices",
             viewed(over(softmax, 5, {1, 1, 2, 3, 5, 16}), {4, {0, 0, 360, 120, 24, 1}}, {8, {0, 0, 480, 160, 32, 1}})},
        Case{"softmaxIntoRows", viewed(over(softmax, 4, {1, 1, 2, 3, 11, 8}), StridedView::dense({1, 1, 2, 3, 11, 8}),
                                       {0, {0, 0, 264, 88, 1, 11}})},
        Case{"halvesSum", halves(over(sum, 5, {1, 1, 2, 3, 5, 64}))},
        Case{"halvesSoftmax", halves(over(softmax, 5, {1, 1, 2, 3, 5, 25}))},
        Case{"halvesAcross", halves(over(normalize, 4, {1, 1, 2, 3, 33, 8}))},
        Case{"halvesMean", halves(over(mean, 5, {1, 1, 1, 1, 2, 100000}))},
        Case{"halvesSoftmaxOfMany", halves(over(softmax, 4, {1, 1, 1, 1, 5000, 4}))}),
    nameOf);

class ReduceSpecial : public KernelTest {
protected:
    std::vector<double> results(Reduction kind, uint32_t rows, const std::vector<double>& x) {
        const ReduceDesc desc = over(kind, 5, {1, 1, 1, 1, rows, static_cast<uint32_t>(x.size()) / rows});
        Operand source(x), result(writesElements(kind) ? x.size() : rows, untouched);
        run(reduceKernel(desc, profile()), {&source, &result});
        return result.values;
    }
};

TEST_F(ReduceSpecial, maximaOfNanAreNan) {
    const std::vector<double> y = results(amax, 2, {1, nan, 3, -infinity, -2, -infinity});
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(y[1], -2);
}

TEST_F(ReduceSpecial, softmaxTakesMinusInfinity) {
    EXPECT_EQ(results(softmax, 1, {-infinity, 0, 0, -infinity}), (std::vector<double>{0, 0.5, 0.5, 0}));
    for (const double y : results(softmax, 1, {-infinity, -infinity, -infinity}))
        EXPECT_TRUE(std::isnan(y)) << "as PyTorch's";
    // Whole segments of it.
    std::vector<double> x(100000, -infinity);
    x[77777] = 3;
    const std::vector<double> y = results(softmax, 1, x);
    EXPECT_EQ(y[77777], 1);
    EXPECT_EQ(y[0], 0);
}

TEST_F(ReduceSpecial, aRowOfZerosStaysZero) {
    EXPECT_EQ(results(normalize, 1, {0, 0, 0}), (std::vector<double>{0, 0, 0}));
}

TEST_F(ReduceSpecial, inPlace) {
    ReduceDesc desc = over(softmax, 5, {1, 1, 1, 1, 1, 60000});
    Operand x(60000, 0.5);
    run(reduceKernel(desc, profile()), {&x, &x});
    EXPECT_LE(relativeError(x.values, std::vector<double>(60000, 1.0 / 60000)), 1e-6);
}

} // namespace
} // namespace saccade::test
