// SPDX-License-Identifier: Apache-2.0
// Writer of the safetensors format (see safetensors.hpp), byte for byte as upstream writes: the header is compact JSON
// padded with spaces to a multiple of 8 bytes, tensors are ordered by descending type alignment and then by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tensor_view.hpp"

namespace saccade {

class SafetensorsWriter {
public:
    /// Receives the file in pieces, in order.
    using Sink = void (*)(void* user, std::span<const std::byte> piece);

    explicit SafetensorsWriter(std::pmr::memory_resource* memory);

    SafetensorsWriter(const SafetensorsWriter&) = delete;
    SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

    /// Adds a pair to the metadata, which is written in the order of the calls. Throws Error
    /// SAC_ERROR_INVALID_ARGUMENT where the key was given before or a text is not UTF-8.
    void addMetadata(std::string_view key, std::string_view value);

    /// Adds a tensor; its name is copied, its data is not and has to stay until the file is written. Throws Error
    /// SAC_ERROR_INVALID_ARGUMENT where the name was given before, is reserved or not UTF-8, or where data.size() is
    /// not what shape and type need.
    void addTensor(std::string_view name, DataType type, std::span<const uint64_t> shape,
                   std::span<const std::byte> data);

    /// Hands the file to `sink`; what that throws passes through. Throws Error SAC_ERROR_INVALID_ARGUMENT where the
    /// header would exceed safetensorsHeaderLimit.
    void write(Sink sink, void* user) const;

    /// The whole file in memory.
    std::pmr::vector<std::byte> toBytes() const;

private:
    struct Text {
        std::pmr::string key;
        std::pmr::string value;
    };
    struct Tensor {
        std::pmr::string name;
        DataType type;
        TensorShape shape;
        std::span<const std::byte> data;
    };

    std::pmr::vector<const Tensor*> inFileOrder() const;
    std::pmr::string header(std::span<const Tensor* const> order) const;

    std::pmr::memory_resource* memory_;
    std::pmr::vector<Text> metadata_;
    std::pmr::vector<Tensor> tensors_;
    std::pmr::set<std::pmr::string, std::less<>> names_; ///< of the tensors
};

} // namespace saccade
