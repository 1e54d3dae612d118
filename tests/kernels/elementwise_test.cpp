// SPDX-License-Identifier: Apache-2.0
// elementwiseKernel against float64: every operation, broadcasting, permuted and sliced views, numbers, conversions, in
// place, and what NaN, infinity and negative bases come to.
#include "kernels/elementwise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reference/random.hpp"
#include "support/kernel_runner.hpp"
#include "support/strided.hpp"

namespace saccade::test {
namespace {

using enum ElementwiseOp;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

double applied(ElementwiseOp op, double x, double y, double z) {
    switch (op) {
    case copy:
        return x;
    case add:
        return x + y;
    case sub:
        return x - y;
    case mul:
        return x * y;
    case div:
        return x / y;
    case maximum:
        return std::isnan(x) || std::isnan(y) ? nan : std::max(x, y);
    case minimum:
        return std::isnan(x) || std::isnan(y) ? nan : std::min(x, y);
    case pow:
        return std::pow(x, y);
    case lerp:
        return x + z * (y - x);
    }
    return nan;
}

struct Case {
    const char* name;
    ElementwiseDesc desc;
    bool inPlace = false; // the result is a
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }
std::string nameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

// Dense operands of `size`.
ElementwiseDesc dense(ElementwiseOp op, Extents size) {
    ElementwiseDesc desc;
    desc.op = op;
    desc.size = size;
    desc.a = desc.b = desc.c = desc.result = StridedView::dense(size);
    return desc;
}

ElementwiseDesc viewed(ElementwiseDesc desc, StridedView result, StridedView a, StridedView b = {},
                       StridedView c = {}) {
    desc.result = result;
    desc.a = a;
    desc.b = b;
    desc.c = c;
    return desc;
}

ElementwiseDesc numbered(ElementwiseDesc desc, char operand, float number) {
    (operand == 'a' ? desc.aIsNumber : operand == 'b' ? desc.bIsNumber : desc.cIsNumber) = true;
    desc.number = number;
    return desc;
}

ElementwiseDesc typed(ElementwiseDesc desc, DataType storage, DataType result) {
    desc.storage = storage;
    desc.resultType = result;
    return desc;
}

ElementwiseDesc halves(const ElementwiseDesc& desc) { return typed(desc, DataType::f16, DataType::f16); }

ElementwiseDesc activated(ElementwiseDesc desc) {
    desc.activation = ActivationKind::relu;
    return desc;
}

class Elementwise : public KernelTest, public ::testing::WithParamInterface<Case> {};

TEST_P(Elementwise, agreesWithFloat64) {
    const ElementwiseDesc& desc = GetParam().desc;
    const bool half = desc.storage == DataType::f16 || desc.resultType == DataType::f16;
    if (half && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    const bool binary = desc.op != copy, ternary = desc.op == lerp;
    reference::Random random(23);
    const auto operand = [&](const StridedView& view) {
        Operand filled(extentOf(view, desc.size), nan, desc.storage);
        forEachElement(desc.size, [&](const Extents& at) {
            const double value = random.uniform(-2, 2);
            filled.values[placeOf(view, at)] = rounded(desc.op == pow   ? std::abs(value) + 0.1
                                                       : desc.op == div ? std::copysign(1, value) + value
                                                                        : value,
                                                       desc.storage);
        });
        return filled;
    };
    Operand a = operand(desc.a), b = operand(desc.b), c = operand(desc.c);
    Operand result = GetParam().inPlace ? a : Operand(extentOf(desc.result, desc.size), untouched, desc.resultType);
    std::vector<double> expected = result.values;
    forEachElement(desc.size, [&](const Extents& at) {
        const double x = desc.aIsNumber ? desc.number : a.values[placeOf(desc.a, at)];
        const double y = desc.bIsNumber ? desc.number : binary ? b.values[placeOf(desc.b, at)] : 0;
        const double z = desc.cIsNumber ? desc.number : ternary ? c.values[placeOf(desc.c, at)] : 0;
        const double value = applied(desc.op, x, y, z);
        expected[placeOf(desc.result, at)] = desc.activation == ActivationKind::relu ? std::max(value, 0.0) : value;
    });
    run(elementwiseKernel(desc, profile()),
        {desc.aIsNumber       ? nullptr
         : GetParam().inPlace ? &result
                              : &a,
         binary && !desc.bIsNumber ? &b : nullptr, ternary && !desc.cIsNumber ? &c : nullptr, &result});
    expectElements(result.values, expected, half ? 5e-4 : desc.op == pow ? 2e-6 : 1e-7);
}

constexpr Extents flat{1, 1, 1, 1, 1, 1003};
constexpr Extents image{1, 1, 2, 5, 7, 8};
constexpr Extents odd{1, 1, 2, 5, 7, 3};
constexpr Extents six{2, 3, 2, 3, 2, 4};

INSTANTIATE_TEST_SUITE_P(
    Shapes, Elementwise,
    ::testing::Values(
        Case{"copyFlat", dense(copy, flat)}, Case{"addFlat", dense(add, flat)}, Case{"subImage", dense(sub, image)},
        Case{"mulOdd", dense(mul, odd)}, Case{"divSix", dense(div, six)}, Case{"maximumImage", dense(maximum, image)},
        Case{"minimumOdd", dense(minimum, odd)}, Case{"powImage", dense(pow, image)},
        Case{"lerpImage", dense(lerp, image)}, Case{"one", dense(add, {1, 1, 1, 1, 1, 1})},
        // (c) and (h, w, 1) against (h, w, c); the offsets are of slices.
        Case{"channels", viewed(dense(mul, image), StridedView::dense(image, 4), StridedView::dense(image),
                                {8, {0, 0, 0, 0, 0, 1}})},
        Case{"perPixel",
             viewed(dense(mul, image), StridedView::dense(image), StridedView::dense(image), {0, {0, 0, 35, 7, 1, 0}})},
        Case{"oddOffset", viewed(dense(add, image), StridedView::dense(image), StridedView::dense(image, 3),
                                 StridedView::dense(image, 4))},
        Case{"slice", viewed(dense(sub, image), {8, {0, 0, 1200, 240, 32, 1}}, {4, {0, 0, 840, 168, 24, 1}},
                             {12, {0, 0, 1120, 224, 32, 1}})},
        // PyTorch's (b, c, h, w) read into (b, h, w, c), and back.
        Case{"permuted", viewed(dense(copy, image), StridedView::dense(image), {0, {0, 0, 280, 7, 1, 35}})},
        Case{"permutedBack", viewed(dense(add, image), {0, {0, 0, 280, 7, 1, 35}}, {0, {0, 0, 280, 7, 1, 35}},
                                    StridedView::dense(image))},
        // Every second element of a, and an axis that the result has in another order.
        Case{"stepped", viewed(dense(add, six), {0, {4, 8, 72, 24, 144, 1}}, {1, {288, 96, 48, 16, 8, 2}},
                               {0, {0, 4, 0, 12, 0, 1}})},
        Case{"weighted", viewed(dense(lerp, odd), StridedView::dense(odd), StridedView::dense(odd),
                                StridedView::dense(odd), {0, {0, 0, 35, 7, 1, 0}})},
        Case{"numberLess", numbered(dense(sub, image), 'a', 1.5f)},
        Case{"lessNumber", numbered(dense(sub, odd), 'b', 1.5f)},
        Case{"numberOver", numbered(dense(div, odd), 'a', 0.75f)},
        Case{"toThePower", numbered(dense(pow, image), 'a', 1.7f)},
        Case{"squared", numbered(dense(pow, image), 'b', 2)}, Case{"root", numbered(dense(pow, image), 'b', 0.5f)},
        Case{"inverseCube", numbered(dense(pow, odd), 'b', -3)},
        Case{"blended", numbered(dense(lerp, image), 'c', 0.3f)}, Case{"activated", activated(dense(add, image))},
        Case{"activatedCopy", activated(dense(copy, odd))}, Case{"inPlace", dense(add, image), true},
        Case{"inPlaceNumber", numbered(dense(mul, flat), 'b', 3), true}, Case{"halves", halves(dense(add, image))},
        Case{"oddHalves", halves(dense(mul, odd))},
        Case{"halvesBlended", halves(numbered(dense(lerp, six), 'c', 0.7f))},
        Case{"halvesPerChannel", halves(viewed(dense(mul, image), StridedView::dense(image), StridedView::dense(image),
                                               {0, {0, 0, 0, 0, 0, 1}}))},
        Case{"toHalves", typed(dense(copy, image), DataType::f32, DataType::f16)},
        Case{"fromHalves", typed(dense(copy, odd), DataType::f16, DataType::f32)}),
    nameOf);

class ElementwiseSpecial : public KernelTest {
protected:
    std::vector<double> results(ElementwiseOp op, const std::vector<double>& x, const std::vector<double>& y) {
        ElementwiseDesc desc = dense(op, {1, 1, 1, 1, 1, static_cast<uint32_t>(x.size())});
        Operand a(x), b(y), result(x.size(), untouched);
        run(elementwiseKernel(desc, profile()), {&a, &b, nullptr, &result});
        return result.values;
    }
};

TEST_F(ElementwiseSpecial, nanWins) {
    for (const ElementwiseOp op : {maximum, minimum}) {
        const std::vector<double> x = results(op, {nan, 1, nan, infinity}, {1, nan, nan, 2});
        EXPECT_TRUE(std::isnan(x[0]) && std::isnan(x[1]) && std::isnan(x[2]));
        EXPECT_EQ(x[3], op == maximum ? infinity : 2);
    }
}

TEST_F(ElementwiseSpecial, powersAreThoseOfC) {
    const std::vector<double> x{-2, -2, -2, 0, 0, -1.5, 2, 4, 9, -3, 1, 0, 2, -2};
    const std::vector<double> y{2, 3, -1, 0, 2, 0.5, 10, 0.5, -0.5, 0, 1e6, 0.3, 100, 101};
    const std::vector<double> z = results(pow, x, y);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double wanted = std::pow(x[i], y[i]);
        if (std::isnan(wanted))
            EXPECT_TRUE(std::isnan(z[i])) << x[i] << "^" << y[i] << " = " << z[i];
        else
            EXPECT_NEAR(z[i], wanted, 1e-5 * std::abs(wanted)) << x[i] << "^" << y[i];
    }
}

} // namespace
} // namespace saccade::test
