// SPDX-License-Identifier: Apache-2.0
// The tensor of the float64 reference: a shape and its values, last axis contiguous.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saccade::reference {

using Shape = std::vector<int64_t>;

/// Product of the sizes; 1 for a scalar.
inline int64_t elementCount(const Shape& shape) {
    int64_t count = 1;
    for (int64_t size : shape)
        count *= size;
    return count;
}

/// Values in row-major order. Every element access is checked, so that a wrong formula fails instead of reading a
/// neighbour.
struct Tensor {
    Shape shape;
    std::vector<double> data;
    /// True for BOOL data. ONNX's Attention gives a mask of booleans another meaning than a mask of numbers.
    bool boolean = false;

    Tensor() = default;
    explicit Tensor(Shape sizes, double fill = 0)
        : shape(std::move(sizes)), data(static_cast<std::size_t>(elementCount(shape)), fill) {}

    int rank() const { return static_cast<int>(shape.size()); }
    int64_t count() const { return static_cast<int64_t>(data.size()); }

    /// Size of one axis; negative counts from the last.
    int64_t size(int axis) const { return shape.at(static_cast<std::size_t>(axis < 0 ? axis + rank() : axis)); }

    template <class... Index>
    double& operator()(Index... index) {
        return data[flatIndex(index...)];
    }
    template <class... Index>
    double operator()(Index... index) const {
        return data[flatIndex(index...)];
    }

    /// The element that PyTorch's broadcasting gives an index: axes count from the last, one that is 1 has the same
    /// element everywhere.
    template <class... Index>
    double broadcast(Index... index) const {
        const int64_t indices[] = {static_cast<int64_t>(index)...};
        if (shape.size() > sizeof...(index))
            throw std::out_of_range("Tensor: broadcasts to fewer axes than it has");
        int64_t flat = 0;
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
            const int64_t at = shape[axis] == 1 ? 0 : indices[sizeof...(index) - shape.size() + axis];
            if (at < 0 || at >= shape[axis])
                throw std::out_of_range("Tensor: index outside its axis");
            flat = flat * shape[axis] + at;
        }
        return data[static_cast<std::size_t>(flat)];
    }

    /// The same values under another shape. Throws std::invalid_argument when the counts differ.
    Tensor reshaped(Shape sizes) const {
        if (elementCount(sizes) != count())
            throw std::invalid_argument("reshaped: the shapes hold different numbers of elements");
        Tensor result = *this;
        result.shape = std::move(sizes);
        return result;
    }

private:
    template <class... Index>
    std::size_t flatIndex(Index... index) const {
        const int64_t indices[] = {static_cast<int64_t>(index)...};
        if (sizeof...(index) != shape.size())
            throw std::out_of_range("Tensor: as many indices as axes are needed");
        int64_t flat = 0;
        for (std::size_t axis = 0; axis < sizeof...(index); ++axis) {
            if (indices[axis] < 0 || indices[axis] >= shape[axis])
                throw std::out_of_range("Tensor: index outside its axis");
            flat = flat * shape[axis] + indices[axis];
        }
        return static_cast<std::size_t>(flat);
    }
};

/// Tensors by name: weights by state_dict key, inputs by argument, results as golden files name them.
using Tensors = std::map<std::string, Tensor>;

/// The tensor of that name, or null.
inline const Tensor* find(const Tensors& tensors, std::string_view name) {
    const auto found = tensors.find(std::string(name));
    return found == tensors.end() ? nullptr : &found->second;
}

/// The tensor of that name. Throws std::invalid_argument naming it when it is missing.
inline const Tensor& get(const Tensors& tensors, std::string_view name) {
    if (const Tensor* tensor = find(tensors, name))
        return *tensor;
    throw std::invalid_argument("no tensor \"" + std::string(name) + "\"");
}

/// The tensors whose names begin with `prefix`, without it: one layer's share of a model's state_dict.
inline Tensors withPrefix(const Tensors& tensors, const std::string& prefix) {
    Tensors result;
    for (const auto& [name, tensor] : tensors)
        if (name.compare(0, prefix.size(), prefix) == 0)
            result[name.substr(prefix.size())] = tensor;
    return result;
}

} // namespace saccade::reference
