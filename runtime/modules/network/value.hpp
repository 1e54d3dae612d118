// SPDX-License-Identifier: Apache-2.0
// A value of a network: a tensor of PyTorch's shape that lies in memory as its strides say. Reshapes, permutes and
// slices are other views of the same memory, as in PyTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/data_type.hpp"
#include "base/fixed_vector.hpp"
#include "graph/graph.hpp"
#include "kernels/elementwise.hpp"

namespace saccade::network {

constexpr size_t maxRank = maxAxes;

/// Elements from an index to the next, of each dimension.
using Strides = FixedVector<uint32_t, maxRank>;

struct Value {
    TensorId tensor = noTensor;
    DataType type = DataType::f32; ///< f32 or f16
    Shape shape{};                 ///< at most maxRank dimensions, none of them 0
    Strides strides{};
    uint32_t offset = 0;   ///< elements before the first
    bool constant = false; ///< there after the upload, the same in every run

    size_t rank() const { return shape.size(); }
};

/// Strides of PyTorch's contiguous order.
Strides contiguousStrides(const Shape& shape);

/// Strides of a map (b, c, spatial...) whose channels lie side by side. Of fewer than three dimensions: contiguous.
Strides channelsLastStrides(const Shape& shape);

/// Strides of a dense tensor of `shape` whose dimensions lie in the order of those of `model`, which has as many.
Strides stridesLike(const Shape& shape, const Value& model);

/// Whether both are the same elements in the same order.
bool sameView(const Value& a, const Value& b);

/// Whether the elements lie as in a contiguous tensor; where a dimension is 1 its stride does not matter.
bool isContiguous(const Value& value);
/// The same with channels side by side.
bool isChannelsLast(const Value& value);

/// The value with dimension i being its dimension order[i].
Value permuted(const Value& value, std::span<const uint32_t> order);

/// Every step-th index from `start`, `count` of them.
Value sliced(const Value& value, uint32_t dim, uint32_t start, uint32_t count, uint32_t step = 1);

/// Broadcast to `shape` as PyTorch does it: missing leading dimensions and those of 1 repeat. The shape fits.
Value expanded(const Value& value, const Shape& shape);

/// The same elements in another shape of as many, if strides can say it.
std::optional<Value> reshaped(const Value& value, const Shape& shape);

/// For elementwise kernels: the last axes are the value's.
StridedView stridedView(const Value& value);
Extents extents(const Shape& shape);

/// The shape that both broadcast to; nothing where they do not.
std::optional<Shape> broadcastShape(const Shape& a, const Shape& b);

/// "(1, 64, 32, 32)", for messages.
class ShapeText {
public:
    explicit ShapeText(const Shape& shape);
    const char* text() const { return text_; }

private:
    char text_[96];
};

} // namespace saccade::network
