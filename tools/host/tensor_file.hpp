// SPDX-License-Identifier: Apache-2.0
// Safetensors files on disk, over the library's own reader and writer.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host/tensor.hpp"
#include "io/safetensors.hpp"

namespace saccade::host {

/// A file read whole. A golden case is one: tensors w.<state_dict key>, in.<argument>, out.<result>, and the metadata
/// "module" and "config".
class TensorFile {
public:
    /// Throws FileError.
    explicit TensorFile(const std::filesystem::path& path);
    /// Bytes that are already in memory; `name` stands for the path in messages. Throws FileError.
    TensorFile(std::vector<std::byte> bytes, const std::string& name);

    const std::string& name() const { return name_; }
    std::span<const std::byte> bytes() const { return bytes_; }
    const Safetensors& contents() const { return contents_; }
    /// Metadata of this key; empty where there is none.
    std::string metadata(std::string_view key) const;

    /// Copies of the tensors whose names begin with `prefix`, by the rest of their names.
    TensorMap tensors(std::string_view prefix = {}) const;

private:
    std::string name_;
    std::vector<std::byte> bytes_;
    Safetensors contents_;
};

using Metadata = std::map<std::string, std::string>;

/// The bytes of a file with these tensors.
std::vector<std::byte> packTensors(const TensorMap& tensors, const Metadata& metadata = {});

/// Writes a file, or replaces it. Throws FileError.
void writeTensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata = {});

/// Writes any file, or replaces it. Throws FileError.
void writeFile(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// The bytes of any file. Throws FileError.
std::vector<std::byte> readFile(const std::filesystem::path& path);

} // namespace saccade::host
