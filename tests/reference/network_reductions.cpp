// SPDX-License-Identifier: Apache-2.0
// Reductions, and the norms that are made of them.
#include "reference/network_operators.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

template <class Reduce>
Tensor reduced(const Node& node, Reduce reduce) {
    const Tensor& x = node.input(0);
    const nlohmann::json& given = node.config.at("dims");
    std::vector<bool> goes(x.shape.size(), false);
    for (const int64_t dim : given.is_array() ? given.get<Shape>() : Shape{given.get<int64_t>()})
        goes[static_cast<std::size_t>(dimension(dim, x.rank()))] = true;

    // The reduced dimensions last, then each row is one result.
    std::vector<int> order;
    Shape kept, keptAsOnes;
    int64_t rowLength = 1;
    for (const bool reducedOnes : {false, true})
        for (std::size_t axis = 0; axis < goes.size(); ++axis)
            if (goes[axis] == reducedOnes)
                order.push_back(static_cast<int>(axis));
    for (std::size_t axis = 0; axis < goes.size(); ++axis) {
        keptAsOnes.push_back(goes[axis] ? 1 : x.shape[axis]);
        if (goes[axis])
            rowLength *= x.shape[axis];
        else
            kept.push_back(x.shape[axis]);
    }
    const Tensor rows = permuted(x, order);
    Tensor y(node.config.value("keepdim", false) ? keptAsOnes : kept);
    for (std::size_t row = 0; row < y.data.size(); ++row) {
        const auto first = rows.data.begin() + static_cast<std::ptrdiff_t>(row) * rowLength;
        y.data[row] = reduce(std::vector<double>(first, first + rowLength));
    }
    return y;
}

/// Calls `change` with each row along `dim` and puts back what it leaves.
template <class Change>
Tensor changedAlong(const Tensor& x, int64_t dim, Change change) {
    const auto axis = static_cast<std::size_t>(dimension(dim, x.rank()));
    const int64_t length = x.shape[axis];
    const int64_t stride = elementCount(Shape(x.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.shape.end()));
    Tensor y = x;
    std::vector<double> row(static_cast<std::size_t>(length));
    for (int64_t first = 0; first < x.count(); ++first) {
        if (first / stride % length != 0)
            continue;
        for (int64_t i = 0; i < length; ++i)
            row[static_cast<std::size_t>(i)] = x.data[static_cast<std::size_t>(first + i * stride)];
        change(row);
        for (int64_t i = 0; i < length; ++i)
            y.data[static_cast<std::size_t>(first + i * stride)] = row[static_cast<std::size_t>(i)];
    }
    return y;
}

void divideByLength(std::vector<double>& row, double least) {
    const double length = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    for (double& value : row)
        value /= std::max(length, least);
}

/// Mean 0 and variance 1, the variance that of the values themselves; without `centred` divided by the root of the
/// mean square alone.
void normalise(std::vector<double>& row, bool centred, double eps) {
    const double middle = centred ? mean(row) : 0;
    double variance = 0;
    for (const double value : row)
        variance += (value - middle) * (value - middle) / static_cast<double>(row.size());
    for (double& value : row)
        value = (value - middle) / std::sqrt(variance + eps);
}

/// Times `weight` plus `bias`, which repeat to the tensor's shape; either may be missing.
Tensor scaled(Tensor y, const Tensor* weight, const Tensor* bias) {
    const Tensor factors = weight ? expanded(*weight, y.shape) : Tensor(y.shape, 1);
    const Tensor terms = bias ? expanded(*bias, y.shape) : Tensor(y.shape, 0);
    for (std::size_t i = 0; i < y.data.size(); ++i)
        y.data[i] = y.data[i] * factors.data[i] + terms.data[i];
    return y;
}

Tensor normOfLastDimensions(const Node& node, bool centred) {
    const Tensor& x = node.input(0);
    const int64_t dims = node.config.value("dims", int64_t{1});
    if (dims < 1 || dims > x.rank())
        throw std::invalid_argument("dims is from 1 to the input's rank");
    const Shape last(x.shape.end() - dims, x.shape.end());
    for (const char* parameter : {"weight", "bias"})
        if (const Tensor* tensor = node.weight(parameter); tensor && tensor->shape != last)
            throw std::invalid_argument(std::string(parameter) + " has not the shape of the last dimensions");
    const double eps = node.config.value("eps", 1e-5);
    const Tensor rows = x.reshaped({x.count() / elementCount(last), elementCount(last)});
    const Tensor y = changedAlong(rows, -1, [&](std::vector<double>& row) { normalise(row, centred, eps); });
    return scaled(y.reshaped(x.shape), node.weight("weight"), node.weight("bias"));
}

Tensor groupNorm(const Node& node) {
    const Tensor& x = node.input(0);
    const int64_t groups = node.config.at("num_groups"), channels = x.size(1);
    if (groups < 1 || channels % groups != 0)
        throw std::invalid_argument("num_groups does not divide the channels");
    const double eps = node.config.value("eps", 1e-5);
    const Tensor rows = x.reshaped({x.size(0) * groups, x.count() / (x.size(0) * groups)});
    const Tensor y = changedAlong(rows, -1, [&](std::vector<double>& row) { normalise(row, true, eps); });
    Shape perChannel(x.shape.size() - 1, 1);
    perChannel[0] = channels;
    const auto forChannels = [&](const char* parameter) {
        const Tensor* tensor = node.weight(parameter);
        return tensor ? tensor->reshaped(perChannel) : Tensor(perChannel, parameter == std::string("weight") ? 1 : 0);
    };
    const Tensor weight = forChannels("weight"), bias = forChannels("bias");
    return scaled(y.reshaped(x.shape), &weight, &bias);
}

Tensor normalize(const Node& node) {
    const double eps = node.config.value("eps", 1e-12);
    return changedAlong(node.input(0), node.config.value("dim", int64_t{1}),
                        [eps](std::vector<double>& row) { divideByLength(row, eps); });
}

double sumOf(const std::vector<double>& row) { return std::accumulate(row.begin(), row.end(), 0.0); }
double largestOf(const std::vector<double>& row) { return *std::max_element(row.begin(), row.end()); }

} // namespace

const Operators& reductionOperators() {
    static const Operators operators = {
        {"mean", [](const Node& n) { return reduced(n, mean); }},
        {"sum", [](const Node& n) { return reduced(n, sumOf); }},
        {"amax", [](const Node& n) { return reduced(n, largestOf); }},
        {"softmax", [](const Node& n) { return changedAlong(n.input(0), n.config.at("dim").get<int64_t>(), softmax); }},
        {"layer_norm", [](const Node& n) { return normOfLastDimensions(n, true); }},
        {"rms_norm", [](const Node& n) { return normOfLastDimensions(n, false); }},
        {"group_norm", groupNorm},
        {"normalize", normalize}};
    return operators;
}

} // namespace saccade::reference
