// SPDX-License-Identifier: Apache-2.0
#include "host/tensor.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "io/half.hpp"

namespace saccade::host {

namespace {

template <class T>
T load(const std::byte* data) {
    T value;
    std::memcpy(&value, data, sizeof(T));
    return value;
}

double loadNumber(const std::byte* data, DataType type) {
    switch (type) {
    case DataType::f32:
        return load<float>(data);
    case DataType::f16:
        return halfToFloat(load<uint16_t>(data));
    case DataType::bf16:
        return bfloat16ToFloat(load<uint16_t>(data));
    case DataType::f64:
        return load<double>(data);
    case DataType::u8:
    case DataType::boolean:
        return load<uint8_t>(data);
    case DataType::i8:
        return load<int8_t>(data);
    case DataType::i32:
        return load<int32_t>(data);
    case DataType::u32:
        return load<uint32_t>(data);
    case DataType::i64:
        return static_cast<double>(load<int64_t>(data));
    case DataType::u64:
        return static_cast<double>(load<uint64_t>(data));
    case DataType::i16:
        return load<int16_t>(data);
    case DataType::u16:
        return load<uint16_t>(data);
    case DataType::opaque:
        break;
    }
    throw std::invalid_argument("unknown data type");
}

void storeNumber(std::byte* data, DataType type, double number) {
    const auto store = [data](auto value) { std::memcpy(data, &value, sizeof(value)); };
    const float single = static_cast<float>(number);
    switch (type) {
    case DataType::f32:
        return store(single);
    case DataType::f16:
        return store(floatToHalf(single));
    case DataType::bf16:
        return store(floatToBfloat16(single));
    default:
        return store(number);
    }
}

} // namespace

Tensor makeTensor(const Shape& shape, std::span<const float> values) {
    Tensor tensor{DataType::f32, shape, std::vector<std::byte>(values.size_bytes())};
    if (!values.empty())
        std::memcpy(tensor.data.data(), values.data(), values.size_bytes());
    return tensor;
}

std::vector<double> toNumbers(const Tensor& tensor) {
    std::vector<double> numbers(tensor.elementCount());
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = loadNumber(tensor.data.data() + i * dataTypeSize(tensor.type), tensor.type);
    return numbers;
}

std::vector<float> toFloats(const Tensor& tensor) {
    const Tensor single = convert(tensor, DataType::f32);
    std::vector<float> floats(single.elementCount());
    if (!floats.empty())
        std::memcpy(floats.data(), single.data.data(), single.data.size());
    return floats;
}

Tensor convert(const Tensor& tensor, DataType type) {
    if (tensor.type == type)
        return tensor;
    if (!isFloatingPoint(tensor.type) || !isFloatingPoint(type))
        throw std::invalid_argument(std::string("no conversion from ") + dataTypeName(tensor.type) + " to " +
                                    dataTypeName(type));
    Tensor converted{type, tensor.shape, std::vector<std::byte>(tensor.elementCount() * dataTypeSize(type))};
    const std::vector<double> numbers = toNumbers(tensor);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        storeNumber(converted.data.data() + i * dataTypeSize(type), type, numbers[i]);
    return converted;
}

std::string shapeText(const Shape& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i)
        text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + (shape.size() == 1 ? ",)" : ")");
}

double relativeError(const Tensor& result, const Tensor& reference) {
    if (result.shape != reference.shape)
        throw std::invalid_argument("shape " + shapeText(result.shape) + ", expected " + shapeText(reference.shape));
    const std::vector<double> values = toNumbers(result);
    const std::vector<double> wanted = toNumbers(reference);
    double difference = 0;
    double norm = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isinf(wanted[i]) && values[i] == wanted[i])
            continue;
        if (!std::isfinite(values[i]) || !std::isfinite(wanted[i]))
            return std::numeric_limits<double>::quiet_NaN();
        difference += (values[i] - wanted[i]) * (values[i] - wanted[i]);
        norm += wanted[i] * wanted[i];
    }
    return std::sqrt(difference / (norm > 0 ? norm : 1));
}

SacDataType libraryType(DataType type, const std::string& tensor) {
    switch (type) {
    case DataType::f32:
    case DataType::f64:
    case DataType::bf16:
        return SAC_DATA_TYPE_FLOAT32;
    case DataType::f16:
        return SAC_DATA_TYPE_FLOAT16;
    case DataType::i32:
        return SAC_DATA_TYPE_INT32;
    case DataType::i64:
        return SAC_DATA_TYPE_INT64;
    case DataType::u8:
        return SAC_DATA_TYPE_UINT8;
    case DataType::boolean:
        return SAC_DATA_TYPE_BOOL;
    default:
        throw std::invalid_argument("\"" + tensor + "\" is of type " + dataTypeName(type) +
                                    "; F32, F16, BF16, F64, I32, I64, U8 and BOOL can be handed over");
    }
}

DataType fileType(SacDataType type) {
    switch (type) {
    case SAC_DATA_TYPE_FLOAT16:
        return DataType::f16;
    case SAC_DATA_TYPE_INT32:
        return DataType::i32;
    case SAC_DATA_TYPE_INT64:
        return DataType::i64;
    case SAC_DATA_TYPE_UINT8:
        return DataType::u8;
    case SAC_DATA_TYPE_BOOL:
        return DataType::boolean;
    default:
        return DataType::f32;
    }
}

} // namespace saccade::host
