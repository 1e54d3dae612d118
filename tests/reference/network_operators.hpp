// SPDX-License-Identifier: Apache-2.0
// The operators of network files (the table of docs/networks.md) in float64, from PyTorch's definitions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// A node as its operator sees it.
struct Node {
    std::vector<Tensor> inputs; ///< a number among them is a tensor of rank 0
    nlohmann::json config;      ///< sizes are numbers
    Tensors weights;            ///< by parameter

    const Tensor& input(std::size_t index) const { return inputs.at(index); }
    const Tensor* weight(const char* parameter) const { return find(weights, parameter); }
    /// One number for each of `count` axes, from a list or from one number for all.
    Shape perAxis(const char* key, int count, int64_t absent) const;
};

using Operator = Tensor (*)(const Node&);
using Operators = std::map<std::string, Operator>;

/// The operator of the table with that name, or null.
Operator operatorOf(const std::string& name);

const Operators& viewOperators();        ///< reshape to constant, identity and dropout
const Operators& elementwiseOperators(); ///< add to clamp
const Operators& reductionOperators();   ///< mean, sum, amax, softmax, layer_norm, rms_norm, group_norm, normalize
const Operators& layerOperators();       ///< matmul, linear, convolutions, attention
const Operators& samplingOperators();    ///< pools, interpolate, warp, apply_kernels

/// A dimension counted from the first one. Throws std::invalid_argument for one that `rank` dimensions do not have.
int dimension(int64_t dim, int rank);

/// Calls `visit` with every index of a tensor of that shape, in the order of its elements.
template <class Visit>
void forEachIndex(const Shape& shape, Visit visit) {
    Shape index(shape.size(), 0);
    for (int64_t left = elementCount(shape); left > 0; --left) {
        visit(static_cast<const Shape&>(index));
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            if (++index[axis] < shape[axis])
                break;
            index[axis] = 0;
        }
    }
}

/// The element at an index, which lies within the shape.
double& at(Tensor& tensor, const Shape& index);
double at(const Tensor& tensor, const Shape& index);

/// A tensor of that shape whose elements are element(index).
template <class Element>
Tensor fromElements(Shape shape, Element element) {
    Tensor result(std::move(shape));
    std::size_t next = 0;
    forEachIndex(result.shape, [&](const Shape& index) { result.data[next++] = element(index); });
    return result;
}

/// The shape that tensors of these shapes broadcast to.
Shape broadcastShape(const Shape& a, const Shape& b);
/// `x` repeated to a shape that it broadcasts to.
Tensor expanded(const Tensor& x, const Shape& shape);
/// Dimension i of the result is dimension dims[i] of `x`.
Tensor permuted(const Tensor& x, const std::vector<int>& dims);

/// The elements that stand before and after the last dimensions' own: `before` and `after` have one number for each of
/// them. `mode` is constant, replicate, reflect or circular.
Tensor padded(const Tensor& x, const Shape& before, const Shape& after, const std::string& mode, double value = 0);

} // namespace saccade::reference
