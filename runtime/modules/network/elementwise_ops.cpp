// SPDX-License-Identifier: Apache-2.0
// Operators that compute each element of their result from one element of each input.
#include <limits>

#include "base/error.hpp"
#include "kernels/elementwise.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

struct Arithmetic {
    const char* name;
    ElementwiseOp op;
};
constexpr Arithmetic arithmetics[] = {
    {"add", ElementwiseOp::add}, {"sub", ElementwiseOp::sub},         {"mul", ElementwiseOp::mul},
    {"div", ElementwiseOp::div}, {"maximum", ElementwiseOp::maximum}, {"minimum", ElementwiseOp::minimum},
    {"pow", ElementwiseOp::pow}, {"lerp", ElementwiseOp::lerp},
};

/// add to lerp, and an activation behind it.
class Binary final : public Op {
public:
    explicit Binary(const OpSource& source) {
        for (const Arithmetic& one : arithmetics)
            if (source.op == one.name)
                op_ = one.op;
        size_t numbers = 0;
        for (const Operand& operand : source.inputs)
            numbers += operand.kind == Operand::Kind::number;
        if (numbers > 1)
            throw Error(SAC_ERROR_INVALID_CONFIG, "%zu of its inputs are numbers, at most one may be", numbers);
        numbers_ = numbers > 0;
    }

    void infer(Inference& s) const override {
        Shape& out = s.results[0];
        for (size_t i = 0; i < s.inputs.size(); ++i) {
            const std::optional<Shape> shape = broadcastShape(out, s.inputs[i]);
            if (!shape)
                refuseShape("inputs of shape %s and %s do not broadcast", ShapeText(out).text(),
                            ShapeText(s.inputs[i]).text());
            out = *shape;
        }
    }

    void build(NodeBuilder& node) const override {
        const Shape& shape = node.results[0].shape;
        ElementwiseDesc desc;
        desc.storage = desc.resultType = node.type();
        desc.op = op_;
        desc.size = extents(shape);
        desc.activation = activation_;
        StridedView* const views[] = {&desc.a, &desc.b, &desc.c};
        bool* const areNumbers[] = {&desc.aIsNumber, &desc.bIsNumber, &desc.cIsNumber};
        TensorId tensors[] = {noTensor, noTensor, noTensor};
        Strides strides = contiguousStrides(shape);
        bool chosen = false;
        for (size_t i = 0; i < node.inputs.size(); ++i) {
            if (node.isNumber(i)) {
                *areNumbers[i] = true;
                desc.number = node.number(i);
                continue;
            }
            const Value value = node.input(i);
            *views[i] = stridedView(expanded(value, shape));
            tensors[i] = value.tensor;
            if (!chosen && value.shape == shape) { // the result lies as the first input of its size
                strides = stridesLike(shape, value);
                chosen = true;
            }
        }
        const Value result = node.result(0, strides);
        desc.result = stridedView(result);
        node.add(elementwiseKernel(desc, node.device()), {tensors[0], tensors[1], tensors[2], result.tensor});
        node.set(0, result);
    }

    bool fuseActivation(const Activation& activation) override { return takeActivation(activation_, activation); }
    bool isAdd() const override {
        return op_ == ElementwiseOp::add && !numbers_ && activation_ == ActivationKind::none;
    }

private:
    ElementwiseOp op_ = ElementwiseOp::add;
    bool numbers_ = false;
    Activation activation_;
};

struct Function {
    const char* name;
    ActivationKind kind;
};
constexpr Function functions[] = {
    {"relu", ActivationKind::relu},
    {"gelu", ActivationKind::gelu},
    {"silu", ActivationKind::silu},
    {"sigmoid", ActivationKind::sigmoid},
    {"tanh", ActivationKind::tanh},
    {"leaky_relu", ActivationKind::leakyRelu},
    {"elu", ActivationKind::elu},
    {"softplus", ActivationKind::softplus},
    {"hardswish", ActivationKind::hardswish},
    {"hardsigmoid", ActivationKind::hardsigmoid},
    {"mish", ActivationKind::mish},
    {"exp", ActivationKind::exp},
    {"log", ActivationKind::log},
    {"log1p", ActivationKind::log1p},
    {"expm1", ActivationKind::expm1},
    {"sqrt", ActivationKind::sqrt},
    {"rsqrt", ActivationKind::rsqrt},
    {"square", ActivationKind::square},
    {"abs", ActivationKind::abs},
    {"neg", ActivationKind::neg},
    {"reciprocal", ActivationKind::reciprocal},
    {"sin", ActivationKind::sin},
    {"cos", ActivationKind::cos},
    {"clamp", ActivationKind::clamp},
};

/// A function of one number.
class Unary final : public Op {
public:
    explicit Unary(const OpSource& source) {
        for (const Function& one : functions)
            if (source.op == one.name)
                activation_.kind = one.kind;
        Config& config = source.config;
        if (activation_.kind == ActivationKind::gelu && config.choice("approximate") == 1)
            activation_.kind = ActivationKind::geluTanh;
        if (activation_.kind == ActivationKind::leakyRelu)
            activation_.a = static_cast<float>(config.number("negative_slope"));
        if (activation_.kind == ActivationKind::elu)
            activation_.a = static_cast<float>(config.number("alpha"));
        if (activation_.kind == ActivationKind::clamp) {
            activation_.a = static_cast<float>(config.number("min"));
            activation_.b = static_cast<float>(config.number("max"));
        }
    }

    void infer(Inference& s) const override { s.results[0] = s.inputs[0]; }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0);
        const Value result = node.result(0, stridesLike(x.shape, x));
        ElementwiseDesc desc;
        desc.storage = desc.resultType = node.type();
        desc.size = extents(x.shape);
        desc.a = stridedView(x);
        desc.result = stridedView(result);
        desc.activation = activation_;
        node.add(elementwiseKernel(desc, node.device()), {x.tensor, noTensor, noTensor, result.tensor});
        node.set(0, result);
    }
    std::optional<Activation> asActivation() const override { return activation_; }

private:
    Activation activation_;
};

constexpr double largest = std::numeric_limits<float>::max();
constexpr const char* approximations[] = {"none", "tanh"};
constexpr Key geluKeys[] = {Key::choice("approximate", approximations, "erf, or its approximation by tanh").orElse(0)};
constexpr Key leakyKeys[] = {Key::number("negative_slope", -1e6, 1e6, "below 0").orElse(0.01)};
constexpr Key eluKeys[] = {Key::number("alpha", -1e6, 1e6, "of the exponential").orElse(1)};
constexpr Key clampKeys[] = {Key::number("min", -largest, largest, "the least result").orElse(-largest),
                             Key::number("max", -largest, largest, "the greatest result").orElse(largest)};

template <class O>
constexpr OpType unary(const char* name, std::span<const Key> keys = {}) {
    return {name, makeOp<O>, keys, 1, 1};
}
constexpr OpType binary(const char* name, uint32_t inputs = 2) {
    return {name, makeOp<Binary>, {}, inputs, inputs, true};
}

constexpr OpType types[] = {
    binary("add"),
    binary("sub"),
    binary("mul"),
    binary("div"),
    binary("maximum"),
    binary("minimum"),
    binary("pow"),
    binary("lerp", 3),
    unary<Unary>("relu"),
    unary<Unary>("gelu", geluKeys),
    unary<Unary>("silu"),
    unary<Unary>("sigmoid"),
    unary<Unary>("tanh"),
    unary<Unary>("leaky_relu", leakyKeys),
    unary<Unary>("elu", eluKeys),
    unary<Unary>("softplus"),
    unary<Unary>("hardswish"),
    unary<Unary>("hardsigmoid"),
    unary<Unary>("mish"),
    unary<Unary>("exp"),
    unary<Unary>("log"),
    unary<Unary>("log1p"),
    unary<Unary>("expm1"),
    unary<Unary>("sqrt"),
    unary<Unary>("rsqrt"),
    unary<Unary>("square"),
    unary<Unary>("abs"),
    unary<Unary>("neg"),
    unary<Unary>("reciprocal"),
    unary<Unary>("sin"),
    unary<Unary>("cos"),
    unary<Unary>("clamp", clampKeys),
};

} // namespace

std::span<const OpType> elementwiseOps() { return types; }

} // namespace saccade::network
