// SPDX-License-Identifier: Apache-2.0
#include "reference/network_builder.hpp"

#include <algorithm>
#include <cmath>

#include "reference/compare.hpp"
#include "reference/network_expression.hpp"
#include "reference/network_operators.hpp"
#include "reference/reference.hpp"

namespace saccade::reference {
namespace {

using nlohmann::json;

double toHalf(double x) {
    if (x == 0 || !std::isfinite(x))
        return x;
    const double step = std::ldexp(1.0, std::max(std::ilogb(x) - 10, -24));
    const double rounded = std::nearbyint(x / step) * step;
    return std::fabs(rounded) > 65504 ? std::copysign(HUGE_VAL, x) : rounded;
}

Tensor toHalf(Tensor tensor) {
    for (double& value : tensor.data)
        value = toHalf(value);
    return tensor;
}

Tensors toHalf(Tensors tensors) {
    for (auto& [name, tensor] : tensors)
        tensor = toHalf(tensor);
    return tensors;
}

bool isWorthComparing(const Tensor& exact, const Tensor& rough) {
    constexpr int64_t mostElements = 20000;
    constexpr double mostError = 1.5e-3, most = 100, leastMean = 0.02;
    if (exact.rank() < 1 || exact.rank() > 6 || exact.count() < 1 || exact.count() > mostElements)
        return false;
    double sum = 0;
    for (const double value : exact.data) {
        if (!(std::fabs(value) <= most))
            return false;
        sum += std::fabs(value);
    }
    return sum / static_cast<double>(exact.count()) >= leastMean && relativeError(rough, exact) <= mostError;
}

/// Modules that networks are made of here have the input "x" and the result "y".
Tensor compute(const std::string& op, const Node& node) {
    if (const Operator compute = operatorOf(op))
        return compute(node);
    return get(run(op, node.config, node.weights, {{"x", node.input(0)}}), "y");
}

} // namespace

std::string NetworkBuilder::newName(const std::string& prefix) {
    return prefix + std::to_string(names_++) + (random.index(8) == 0 ? ".part" : "");
}

Tensor NetworkBuilder::draw(const Input& input) {
    return input.low == input.high ? random.normalTensor(input.shape)
                                   : random.uniformTensor(input.shape, input.low, input.high);
}

void NetworkBuilder::describe(const Input& input, const json& sizes) {
    json shape = input.shape;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        if (!sizes[axis].is_null())
            shape[axis] = sizes[axis];
    inputs_.push_back({{"name", input.name}, {"shape", shape}});
    const Tensor values = firstInputs_[input.name] = draw(input);
    values_[input.name] = {values, toHalf(values)};
    inputShapes_.push_back(input);
}

std::string NetworkBuilder::input(const Shape& shape, const json& sizes) {
    const std::string name = newName("in");
    describe({name, shape}, sizes);
    return name;
}

std::string NetworkBuilder::input(const Shape& shape, double low, double high) {
    const std::string name = newName("in");
    describe({name, shape, low, high}, nullptr);
    return name;
}

std::string NetworkBuilder::state(const Shape& shape, const json& sizes) {
    const std::string name = newName("state");
    json described = shape;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        if (!sizes[axis].is_null())
            described[axis] = sizes[axis];
    states_.push_back({{"name", name}, {"shape", described}});
    // Later runs find numbers there, for which the nodes have to be conditioned as well.
    const Tensor values = random.uniformTensor(shape, -1, 1);
    values_[name] = {values, toHalf(values)};
    return name;
}

void NetworkBuilder::setNext(const std::string& state, const std::string& value) {
    for (json& entry : states_)
        if (entry.at("name") == state)
            entry["next"] = value;
}

std::string NetworkBuilder::add(const std::string& op, const json& inputs, const json& config, const Tensors& weights,
                                const std::string& shared) {
    const SizeNames sizes{
        [](const std::string& name) -> int64_t { throw std::invalid_argument("no size " + name); },
        [this](const std::string& name, int64_t dim) { return value(name).size(static_cast<int>(dim)); }};
    const json numbers = configWithNumbers(config, operatorOf(op) == nullptr, sizes);
    Node exact{{}, numbers, weights}, rough{{}, numbers, toHalf(weights)};
    for (const json& entry : inputs) {
        const bool number = entry.is_number();
        exact.inputs.push_back(number ? Tensor({}, entry) : values_.at(entry).exact);
        rough.inputs.push_back(number ? Tensor({}, entry) : values_.at(entry).rough);
    }
    Value result;
    try {
        result.exact = compute(op, exact);
        result.rough = toHalf(compute(op, rough));
    } catch (const std::exception&) {
        return "";
    }
    if (!isWorthComparing(result.exact, result.rough))
        return "";
    const std::string name = newName(op + "_");
    json node{{"op", op}, {"name", name}, {"inputs", inputs}};
    if (!config.empty() || flip())
        node["config"] = config;
    if (random.index(6) == 0)
        node["precision"] = "float32";
    if (shared.empty())
        for (const auto& [parameter, tensor] : weights)
            weights_[name + "." + parameter] = tensor;
    else
        node["weights"] = shared;
    std::string resultName = name;
    if (random.index(5) == 0) {
        resultName = newName("result");
        node["outputs"] = {resultName};
    }
    nodes_.push_back(node);
    values_[resultName] = result;
    return resultName;
}

void NetworkBuilder::output(const std::string& value) {
    for (const json& output : outputs_)
        if (output.at("value") == value)
            return;
    outputs_.push_back({{"name", "out" + std::to_string(outputs_.size())}, {"value", value}});
}

std::vector<std::string> NetworkBuilder::valuesOf(const Shape& shape) const {
    std::vector<std::string> names;
    for (const auto& [name, value] : values_)
        if (value.exact.shape == shape)
            names.push_back(name);
    return names;
}

std::vector<std::pair<std::string, Tensors>> NetworkBuilder::weightsOf(const std::string& op) const {
    std::vector<std::pair<std::string, Tensors>> found;
    for (const json& node : nodes_)
        if (node.at("op") == op && !node.contains("weights"))
            found.emplace_back(node.at("name"), withPrefix(weights_, node.at("name").get<std::string>() + "."));
    return found;
}

RandomNetwork NetworkBuilder::finish(int runs) {
    RandomNetwork network{{{"inputs", inputs_}, {"nodes", nodes_}, {"outputs", outputs_}}, weights_, {firstInputs_}};
    if (!states_.empty())
        network.config["states"] = states_;
    for (int i = 1; i < runs; ++i) {
        Tensors& inputs = network.inputs.emplace_back();
        for (const Input& input : inputShapes_)
            inputs[input.name] = draw(input);
    }
    return network;
}

} // namespace saccade::reference
