// SPDX-License-Identifier: Apache-2.0
// Files in and out.
#pragma once

#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace replay {

using Json = nlohmann::json;
using Bytes = std::vector<char>;
using Span = std::span<char>;

inline Bytes readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error(path + " cannot be read");
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

inline std::string readText(const std::string& path) {
    const Bytes bytes = readFile(path);
    return {bytes.begin(), bytes.end()};
}

inline void writeFile(const std::string& path, Span bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush())
        throw std::runtime_error(path + " cannot be written");
}

} // namespace replay
