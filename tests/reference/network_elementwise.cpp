// SPDX-License-Identifier: Apache-2.0
// Operators that compute each element from the elements at its place.
#include "reference/network_operators.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

template <class Function>
Tensor unary(const Node& node, Function function) {
    Tensor y = node.input(0);
    for (double& value : y.data)
        value = function(value);
    return y;
}

template <class Function>
Tensor binary(const Node& node, Function function) {
    const Shape shape = broadcastShape(node.input(0).shape, node.input(1).shape);
    const Tensor a = expanded(node.input(0), shape), b = expanded(node.input(1), shape);
    Tensor y(shape);
    for (std::size_t i = 0; i < y.data.size(); ++i)
        y.data[i] = function(a.data[i], b.data[i]);
    return y;
}

/// The smaller or larger one; not a number where either is, as torch.maximum has it.
double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }
double smaller(double a, double b) { return std::isnan(a) || a < b ? a : b; }

Tensor lerp(const Node& node) {
    const Shape shape = broadcastShape(broadcastShape(node.input(0).shape, node.input(1).shape), node.input(2).shape);
    Tensor y = expanded(node.input(0), shape);
    const Tensor end = expanded(node.input(1), shape), weight = expanded(node.input(2), shape);
    for (std::size_t i = 0; i < y.data.size(); ++i)
        y.data[i] += weight.data[i] * (end.data[i] - y.data[i]);
    return y;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
/// PyTorch's threshold of 20 is where the logarithm has no more to say.
double softplus(double x) { return x > 20 ? x : std::log1p(std::exp(x)); }
double hardsigmoid(double x) { return std::clamp(x + 3, 0.0, 6.0) / 6; }

double geluByTanh(double x) {
    const double rootOfTwoOverPi = std::sqrt(2 / std::acos(-1.0));
    return 0.5 * x * (1 + std::tanh(rootOfTwoOverPi * (x + 0.044715 * x * x * x)));
}

Tensor gelus(const Node& node) {
    const std::string approximate = node.config.value("approximate", "none");
    if (approximate != "none" && approximate != "tanh")
        throw std::invalid_argument("approximate is none or tanh");
    return approximate == "tanh" ? unary(node, geluByTanh) : unary(node, gelu);
}

Tensor leakyRelu(const Node& node) {
    const double slope = node.config.value("negative_slope", 0.01);
    return unary(node, [slope](double x) { return x > 0 ? x : slope * x; });
}

Tensor elu(const Node& node) {
    const double alpha = node.config.value("alpha", 1.0);
    return unary(node, [alpha](double x) { return x > 0 ? x : alpha * std::expm1(x); });
}

Tensor clamp(const Node& node) {
    const double infinity = std::numeric_limits<double>::infinity();
    const auto bound = [&](const char* key, double absent) {
        const auto found = node.config.find(key);
        return found == node.config.end() || found->is_null() ? absent : found->get<double>();
    };
    const double least = bound("min", -infinity), most = bound("max", infinity);
    return unary(node, [=](double x) { return smaller(larger(x, least), most); });
}

} // namespace

const Operators& elementwiseOperators() {
    static const Operators operators = {
        {"add", [](const Node& n) { return binary(n, [](double a, double b) { return a + b; }); }},
        {"sub", [](const Node& n) { return binary(n, [](double a, double b) { return a - b; }); }},
        {"mul", [](const Node& n) { return binary(n, [](double a, double b) { return a * b; }); }},
        {"div", [](const Node& n) { return binary(n, [](double a, double b) { return a / b; }); }},
        {"maximum", [](const Node& n) { return binary(n, larger); }},
        {"minimum", [](const Node& n) { return binary(n, smaller); }},
        {"pow", [](const Node& n) { return binary(n, [](double a, double b) { return std::pow(a, b); }); }},
        {"lerp", lerp},
        {"relu", [](const Node& n) { return unary(n, [](double x) { return larger(x, 0); }); }},
        {"gelu", gelus},
        {"silu", [](const Node& n) { return unary(n, [](double x) { return x * sigmoid(x); }); }},
        {"sigmoid", [](const Node& n) { return unary(n, sigmoid); }},
        {"tanh", [](const Node& n) { return unary(n, [](double x) { return std::tanh(x); }); }},
        {"leaky_relu", leakyRelu},
        {"elu", elu},
        {"softplus", [](const Node& n) { return unary(n, softplus); }},
        {"hardswish", [](const Node& n) { return unary(n, [](double x) { return x * hardsigmoid(x); }); }},
        {"hardsigmoid", [](const Node& n) { return unary(n, hardsigmoid); }},
        {"mish", [](const Node& n) { return unary(n, [](double x) { return x * std::tanh(softplus(x)); }); }},
        {"exp", [](const Node& n) { return unary(n, [](double x) { return std::exp(x); }); }},
        {"log", [](const Node& n) { return unary(n, [](double x) { return std::log(x); }); }},
        {"log1p", [](const Node& n) { return unary(n, [](double x) { return std::log1p(x); }); }},
        {"expm1", [](const Node& n) { return unary(n, [](double x) { return std::expm1(x); }); }},
        {"sqrt", [](const Node& n) { return unary(n, [](double x) { return std::sqrt(x); }); }},
        {"rsqrt", [](const Node& n) { return unary(n, [](double x) { return 1 / std::sqrt(x); }); }},
        {"square", [](const Node& n) { return unary(n, [](double x) { return x * x; }); }},
        {"abs", [](const Node& n) { return unary(n, [](double x) { return std::fabs(x); }); }},
        {"neg", [](const Node& n) { return unary(n, [](double x) { return -x; }); }},
        {"reciprocal", [](const Node& n) { return unary(n, [](double x) { return 1 / x; }); }},
        {"sin", [](const Node& n) { return unary(n, [](double x) { return std::sin(x); }); }},
        {"cos", [](const Node& n) { return unary(n, [](double x) { return std::cos(x); }); }},
        {"clamp", clamp}};
    return operators;
}

} // namespace saccade::reference
