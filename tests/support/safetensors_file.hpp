// SPDX-License-Identifier: Apache-2.0
// A safetensors reader for tests, apart from the library's own, so that neither vouches for the other.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/tensor.hpp"

namespace saccade::test {

/// All tensors of a file as float64, and its metadata.
struct SafetensorsFile {
    reference::Tensors tensors;
    std::map<std::string, std::string> dtypes; ///< as written in the file: "F32", "BOOL", ...
    std::map<std::string, std::string> metadata;
};

inline double halfToDouble(uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const double fraction = bits & 1023;
    double value = 0;
    if (exponent == 0)
        value = std::ldexp(fraction, -24);
    else if (exponent == 31)
        value = fraction != 0 ? std::nan("") : HUGE_VAL;
    else
        value = std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -value : value;
}

/// Throws std::runtime_error naming the file when it cannot be read or a tensor has another type than those below.
inline SafetensorsFile readSafetensors(const std::string& path) {
    static_assert(std::endian::native == std::endian::little, "the format is little-endian");
    std::ifstream stream(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), {});
    uint64_t headerSize = 0;
    if (bytes.size() >= 8)
        std::memcpy(&headerSize, bytes.data(), 8);
    if (bytes.size() < 8 || headerSize > bytes.size() - 8)
        throw std::runtime_error(path + ": cannot be read, or is shorter than its header says");
    const char* const data = bytes.data() + 8 + headerSize;
    const std::size_t dataSize = bytes.size() - 8 - headerSize;

    SafetensorsFile file;
    const auto header = nlohmann::json::parse(bytes.data() + 8, data);
    for (const auto& member : header.items()) { // no structured binding: clang before 16 captures none in a lambda
        const std::string& name = member.key();
        const nlohmann::json& entry = member.value();
        if (name == "__metadata__") {
            file.metadata = entry.get<std::map<std::string, std::string>>();
            continue;
        }
        const std::string dtype = entry.at("dtype");
        const std::size_t begin = entry.at("data_offsets").at(0), end = entry.at("data_offsets").at(1);
        reference::Tensor tensor(entry.at("shape").get<reference::Shape>());
        tensor.boolean = dtype == "BOOL";
        const auto read = [&]<class Stored>(Stored, auto convert) {
            if (begin > end || end > dataSize || end - begin != tensor.data.size() * sizeof(Stored))
                throw std::runtime_error(path + ": the data of \"" + name + "\" has the wrong size");
            for (std::size_t i = 0; i < tensor.data.size(); ++i) {
                Stored value;
                std::memcpy(&value, data + begin + i * sizeof(Stored), sizeof(Stored));
                tensor.data[i] = convert(value);
            }
        };
        const auto widen = [](auto value) { return static_cast<double>(value); };
        if (dtype == "F32")
            read(float{}, widen);
        else if (dtype == "F64")
            read(double{}, widen);
        else if (dtype == "F16")
            read(uint16_t{}, halfToDouble);
        else if (dtype == "I32")
            read(int32_t{}, widen);
        else if (dtype == "I64")
            read(int64_t{}, widen);
        else if (dtype == "U8" || dtype == "BOOL")
            read(uint8_t{}, widen);
        else
            throw std::runtime_error(path + ": \"" + name + "\" has the unknown type " + dtype);
        file.tensors[name] = std::move(tensor);
        file.dtypes[name] = dtype;
    }
    return file;
}

} // namespace saccade::test
