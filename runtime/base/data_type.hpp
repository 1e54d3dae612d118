// SPDX-License-Identifier: Apache-2.0
// Element types of tensors, as they are stored in files and in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace saccade {

/// `opaque`: a type of a file that nothing here reads, such as 8-bit floats.
enum class DataType : uint8_t { f32, f16, bf16, f64, u8, i8, boolean, i32, u32, i64, u64, i16, u16, opaque };

namespace detail {

struct DataTypeInfo {
    const char* name; // as safetensors spells it
    uint8_t size;
};

// In the order of the enumeration.
inline constexpr DataTypeInfo dataTypes[] = {
    {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"U8", 1},  {"I8", 1},  {"BOOL", 1},
    {"I32", 4}, {"U32", 4}, {"I64", 8},  {"U64", 8}, {"I16", 2}, {"U16", 2},
};
inline constexpr std::size_t dataTypeCount = sizeof(dataTypes) / sizeof(dataTypes[0]);
static_assert(dataTypeCount == static_cast<std::size_t>(DataType::opaque));

} // namespace detail

/// Bytes of one element; 0 for opaque.
constexpr std::size_t dataTypeSize(DataType type) {
    return type == DataType::opaque ? 0 : detail::dataTypes[static_cast<std::size_t>(type)].size;
}

/// The name safetensors gives the type: "F32", "BF16", "BOOL", ...; "opaque" has none there.
constexpr const char* dataTypeName(DataType type) {
    return type == DataType::opaque ? "opaque" : detail::dataTypes[static_cast<std::size_t>(type)].name;
}

/// The type of a safetensors name (case matters), or nothing for a name that is none of them.
constexpr std::optional<DataType> parseDataType(std::string_view name) {
    for (std::size_t i = 0; i < detail::dataTypeCount; ++i)
        if (name == detail::dataTypes[i].name)
            return static_cast<DataType>(i);
    return std::nullopt;
}

/// Whether elements are floating-point numbers, which readFloats converts.
constexpr bool isFloatingPoint(DataType type) {
    return type == DataType::f32 || type == DataType::f16 || type == DataType::bf16 || type == DataType::f64;
}

} // namespace saccade
