// SPDX-License-Identifier: Apache-2.0
#include "host/tensor_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.hpp"
#include "host/errors.hpp"
#include "io/safetensors_writer.hpp"

namespace saccade::host {

namespace {

Safetensors parse(std::span<const std::byte> bytes, const std::string& name) {
    try {
        return Safetensors(bytes, std::pmr::get_default_resource());
    } catch (const Error& error) {
        throw FileError(name + ": " + error.what());
    }
}

std::string systemError() { return std::strerror(errno); }

} // namespace

TensorFile::TensorFile(const std::filesystem::path& path) : TensorFile(readFile(path), path.string()) {}

TensorFile::TensorFile(std::vector<std::byte> bytes, const std::string& name)
    : name_(name), bytes_(std::move(bytes)), contents_(parse(bytes_, name_)) {}

std::string TensorFile::metadata(std::string_view key) const {
    return std::string(contents_.metadata(key).value_or(""));
}

TensorMap TensorFile::tensors(std::string_view prefix) const {
    TensorMap tensors;
    for (const TensorView& view : contents_.tensors()) {
        if (view.name.substr(0, prefix.size()) != prefix)
            continue;
        const std::string name(view.name.substr(prefix.size()));
        tensors[name] = {view.type, Shape(view.shape.begin(), view.shape.end()),
                         std::vector<std::byte>(view.data, view.data + view.bytes)};
    }
    return tensors;
}

std::vector<std::byte> packTensors(const TensorMap& tensors, const Metadata& metadata) {
    SafetensorsWriter writer(std::pmr::get_default_resource());
    for (const auto& [key, value] : metadata)
        writer.addMetadata(key, value);
    for (const auto& [name, tensor] : tensors)
        writer.addTensor(name, tensor.type, tensor.shape, tensor.data);
    const auto bytes = writer.toBytes();
    return {bytes.begin(), bytes.end()};
}

void writeTensors(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata) {
    writeFile(path, packTensors(tensors, metadata));
}

void writeFile(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    if (!file)
        throw FileError(path.string() + ": cannot be written: " + systemError());
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file)
        throw FileError(path.string() + ": writing failed: " + systemError());
}

std::vector<std::byte> readFile(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw FileError(path.string() + ": is a directory");
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw FileError(path.string() + ": cannot be read: " + systemError());
    file.seekg(0, std::ios::end);
    const std::streamoff size = file.tellg();
    if (size < 0)
        throw FileError(path.string() + ": cannot be read: it has no size");
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(bytes.data()), size);
    if (!file)
        throw FileError(path.string() + ": reading failed: " + systemError());
    return bytes;
}

} // namespace saccade::host
