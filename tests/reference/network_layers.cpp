// SPDX-License-Identifier: Apache-2.0
// Operators that sum over products: matrices, convolutions, attention.
#include "reference/network_operators.hpp"

#include <cmath>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// What a tensor has before its last two dimensions.
Shape leading(const Tensor& x) {
    if (x.rank() < 2)
        throw std::invalid_argument("an input has less than two dimensions");
    return Shape(x.shape.begin(), x.shape.end() - 2);
}

/// (..., rows, columns) with other leading dimensions, as (entries, rows, columns).
Tensor asMatrices(const Tensor& x, Shape leadingShape) {
    const int64_t entries = elementCount(leadingShape), rows = x.size(-2), columns = x.size(-1);
    leadingShape.insert(leadingShape.end(), {rows, columns});
    return expanded(x, leadingShape).reshaped({entries, rows, columns});
}

Tensor matmul(const Node& node) {
    Shape shape = broadcastShape(leading(node.input(0)), leading(node.input(1)));
    const Tensor a = asMatrices(node.input(0), shape), b = asMatrices(node.input(1), shape);
    if (a.size(2) != b.size(1))
        throw std::invalid_argument("the first has another number of columns than the second has rows");
    Tensor y({a.size(0), a.size(1), b.size(2)});
    for (int64_t entry = 0; entry < y.size(0); ++entry)
        for (int64_t row = 0; row < y.size(1); ++row)
            for (int64_t column = 0; column < y.size(2); ++column)
                for (int64_t i = 0; i < a.size(2); ++i)
                    y(entry, row, column) += a(entry, row, i) * b(entry, i, column);
    shape.insert(shape.end(), {y.size(1), y.size(2)});
    return y.reshaped(shape);
}

Tensor linearLayer(const Node& node) {
    const Tensor& weight = get(node.weights, "weight");
    if (node.input(0).size(-1) != weight.size(1))
        throw std::invalid_argument("the last dimension is not as long as weight's rows");
    return linear(node.input(0), weight, node.weight("bias"));
}

template <int axes>
Tensor conv(const Node& node) {
    const Tensor& x = node.input(0);
    if (x.rank() != axes + 2)
        throw std::invalid_argument("the input has not one dimension for each axis, the batch and the channels");
    ConvOptions options;
    options.stride = node.perAxis("stride", axes, 1);
    options.dilation = node.perAxis("dilation", axes, 1);
    options.groups = node.config.value("groups", int64_t{1});
    const Shape padding = node.perAxis("padding", axes, 0);
    const std::string mode = node.config.value("padding_mode", "zeros");
    const Tensor input = padded(x, padding, padding, mode == "zeros" ? "constant" : mode);
    return conv(input, get(node.weights, "weight"), node.weight("bias"), options);
}

/// Each element of the input adds the kernel, times itself, to the output. weight (in, out / groups, kh, kw).
Tensor convTranspose2d(const Node& node) {
    const Tensor &x = node.input(0), &weight = get(node.weights, "weight");
    const Tensor* bias = node.weight("bias");
    const Shape stride = node.perAxis("stride", 2, 1), padding = node.perAxis("padding", 2, 0);
    const Shape more = node.perAxis("output_padding", 2, 0), dilation = node.perAxis("dilation", 2, 1);
    const int64_t groups = node.config.value("groups", int64_t{1});
    const int64_t in = x.size(1), groupIn = in / groups, groupOut = weight.size(1);
    if (weight.size(0) != in || groupIn * groups != in)
        throw std::invalid_argument("weight is not made for these channels and groups");
    const auto outSize = [&](int axis) {
        const auto a = static_cast<std::size_t>(axis);
        return (x.size(2 + axis) - 1) * stride[a] - 2 * padding[a] + dilation[a] * (weight.size(2 + axis) - 1) +
               more[a] + 1;
    };
    Tensor y({x.size(0), groupOut * groups, outSize(0), outSize(1)});
    for (int64_t b = 0; b < y.size(0); ++b)
        for (int64_t o = 0; bias && o < y.size(1); ++o)
            for (int64_t row = 0; row < y.size(2); ++row)
                for (int64_t column = 0; column < y.size(3); ++column)
                    y(b, o, row, column) = (*bias)(o);
    forEachIndex(x.shape, [&](const Shape& at) {
        const int64_t b = at[0], i = at[1];
        for (int64_t o = 0; o < groupOut; ++o)
            for (int64_t kr = 0; kr < weight.size(2); ++kr)
                for (int64_t kc = 0; kc < weight.size(3); ++kc) {
                    const int64_t row = at[2] * stride[0] + kr * dilation[0] - padding[0];
                    const int64_t column = at[3] * stride[1] + kc * dilation[1] - padding[1];
                    if (row >= 0 && row < y.size(2) && column >= 0 && column < y.size(3))
                        y(b, i / groupIn * groupOut + o, row, column) += weight(i, o, kr, kc) * x(b, i, at[2], at[3]);
                }
    });
    return y;
}

Tensor scaledDotProductAttention(const Node& node) {
    Shape shape =
        broadcastShape(broadcastShape(leading(node.input(0)), leading(node.input(1))), leading(node.input(2)));
    const auto asHeads = [&](const Tensor& x) { // one entry of a batch with a head for each
        const Tensor matrices = asMatrices(x, shape);
        return matrices.reshaped({1, matrices.size(0), matrices.size(1), matrices.size(2)});
    };
    const Tensor q = asHeads(node.input(0)), k = asHeads(node.input(1)), v = asHeads(node.input(2));
    if (q.size(3) != k.size(3) || k.size(2) != v.size(2))
        throw std::invalid_argument("queries and keys differ in features, or keys and values in number");
    const int64_t queries = q.size(2), keys = k.size(2);
    Shape scores = shape;
    scores.insert(scores.end(), {queries, keys});
    const Tensor bias = (node.inputs.size() > 3 ? expanded(node.input(3), scores) : Tensor(scores, 0))
                            .reshaped({q.size(1), queries, keys});
    const bool causal = node.config.value("is_causal", false);
    const double scale = node.config.value("scale", 1 / std::sqrt(static_cast<double>(q.size(3))));
    const Tensor y = attention(q, k, v, [&](int64_t, int64_t h, int64_t i, int64_t j, double dot) {
        return causal && j > i ? -INFINITY : dot * scale + bias(h, i, j);
    });
    shape.insert(shape.end(), {queries, v.size(3)});
    return y.reshaped(shape);
}

} // namespace

const Operators& layerOperators() {
    static const Operators operators = {{"matmul", matmul},
                                        {"linear", linearLayer},
                                        {"conv1d", conv<1>},
                                        {"conv2d", conv<2>},
                                        {"conv3d", conv<3>},
                                        {"conv_transpose2d", convTranspose2d},
                                        {"scaled_dot_product_attention", scaledDotProductAttention}};
    return operators;
}

} // namespace saccade::reference
