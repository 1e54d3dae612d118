// SPDX-License-Identifier: Apache-2.0
// Tensors in host memory, as files hold them, and how far two of them are apart.
#pragma once

#include <saccade/saccade.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/data_type.hpp"

namespace saccade::host {

using Shape = std::vector<uint64_t>;

/// Row-major, without gaps.
struct Tensor {
    DataType type = DataType::f32;
    Shape shape;
    std::vector<std::byte> data;

    uint64_t elementCount() const { return data.size() / dataTypeSize(type); }
};

using TensorMap = std::map<std::string, Tensor>;

/// An F32 tensor of these values; their number is that of the shape.
Tensor makeTensor(const Shape& shape, std::span<const float> values);

/// The elements of any type as numbers; 64-bit integers beyond 2^53 are rounded.
std::vector<double> toNumbers(const Tensor& tensor);

/// The elements of an F32, F16, BF16 or F64 tensor as floats. Throws std::invalid_argument for another type.
std::vector<float> toFloats(const Tensor& tensor);

/// The tensor with elements of floating-point type `type`. Throws std::invalid_argument where one of the two is not.
Tensor convert(const Tensor& tensor, DataType type);

/// "(1, 64, 16, 16)"
std::string shapeText(const Shape& shape);

/// ||result - reference|| / ||reference|| over all elements, in double. Where both have the same infinity the element
/// counts as equal; any other element that is not finite makes the error NaN. A reference of zeros is divided by 1.
/// Throws std::invalid_argument where the shapes differ.
double relativeError(const Tensor& result, const Tensor& reference);

/// The library's name for a type that a file holds. BF16 and F64 are answered with FLOAT32, as which ModelRunner
/// hands them over. Throws std::invalid_argument naming `tensor` for a type without counterpart.
SacDataType libraryType(DataType type, const std::string& tensor);

/// The type in a file of what the library calls `type`.
DataType fileType(SacDataType type);

} // namespace saccade::host
