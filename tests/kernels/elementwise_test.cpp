// SPDX-License-Identifier: Apache-2.0
// elementwiseKernel against float64: every operation, broadcasting, permuted and sliced views, numbers, conversions, in
// place, and what NaN, infinity and negative bases come to.
#include "kernels/elementwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
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

// Each activation by itself, as PyTorch defines it; of arguments outside of its domain, and of NaN, NaN.
TEST_F(ElementwiseSpecial, activationsAreThoseOfPyTorch) {
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    const auto softplus = [](double x) { return x > 20 ? x : std::log1p(std::exp(x)); };
    const struct {
        const char* name;
        Activation activation;
        std::function<double(double)> function;
    } cases[] = {
        {"relu", ActivationKind::relu, [](double x) { return std::max(x, 0.0); }},
        {"gelu", ActivationKind::gelu, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
        {"tanh", ActivationKind::tanh, [](double x) { return std::tanh(x); }},
        {"leakyRelu", {ActivationKind::leakyRelu, 0.25f}, [](double x) { return x < 0 ? 0.25 * x : x; }},
        {"geluTanh", ActivationKind::geluTanh,
         [](double x) {
             return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
         }},
        {"sigmoid", ActivationKind::sigmoid, sigmoid},
        {"silu", ActivationKind::silu, [&](double x) { return x * sigmoid(x); }},
        {"elu", {ActivationKind::elu, 1.5f}, [](double x) { return x < 0 ? 1.5 * std::expm1(x) : x; }},
        {"softplus", ActivationKind::softplus, softplus},
        {"hardswish", ActivationKind::hardswish, [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
        {"hardsigmoid", ActivationKind::hardsigmoid, [](double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
        {"mish", ActivationKind::mish, [&](double x) { return x * std::tanh(softplus(x)); }},
        {"exp", ActivationKind::exp, [](double x) { return std::exp(x); }},
        {"log", ActivationKind::log, [](double x) { return std::log(x); }},
        {"log1p", ActivationKind::log1p, [](double x) { return std::log1p(x); }},
        {"expm1", ActivationKind::expm1, [](double x) { return std::expm1(x); }},
        {"sqrt", ActivationKind::sqrt, [](double x) { return std::sqrt(x); }},
        {"rsqrt", ActivationKind::rsqrt, [](double x) { return 1 / std::sqrt(x); }},
        {"square", ActivationKind::square, [](double x) { return x * x; }},
        {"abs", ActivationKind::abs, [](double x) { return std::abs(x); }},
        {"neg", ActivationKind::neg, [](double x) { return -x; }},
        {"reciprocal", ActivationKind::reciprocal, [](double x) { return 1 / x; }},
        {"sin", ActivationKind::sin, [](double x) { return std::sin(x); }},
        {"cos", ActivationKind::cos, [](double x) { return std::cos(x); }},
        {"clamp", {ActivationKind::clamp, -0.5f, 2.0f}, [](double x) { return std::clamp(x, -0.5, 2.0); }},
    };
    std::vector<double> x{nan, 1e-3, -1e-3, 0.03125, -0.03125, 19.5, 20.5};
    for (int i = -96; i <= 96; ++i)
        x.push_back(i * 0.125);
    for (const auto& c : cases) {
        ElementwiseDesc desc = dense(copy, {1, 1, 1, 1, 1, static_cast<uint32_t>(x.size())});
        desc.activation = c.activation;
        Operand a(x), result(x.size(), untouched);
        run(elementwiseKernel(desc, profile()), {&a, nullptr, nullptr, &result});
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double wanted = std::isnan(x[i]) ? nan : c.function(x[i]);
            if (std::isnan(wanted))
                EXPECT_TRUE(std::isnan(result.values[i])) << c.name << " of " << x[i] << " is " << result.values[i];
            else if (std::isinf(wanted))
                EXPECT_TRUE(std::isinf(result.values[i])) << c.name << " of " << x[i] << " is " << result.values[i];
            else
                EXPECT_NEAR(result.values[i], wanted, 1e-6 * std::max(std::abs(wanted), 1.0))
                    << c.name << " of " << x[i];
        }
    }
}

} // namespace
} // namespace saccade::test
