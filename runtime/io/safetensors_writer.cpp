// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_writer.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/json.hpp"
#include "io/safetensors.hpp"

namespace saccade {

namespace {

/// Upstream's order of types, later ones first in the file. Alignment never decreases along it, so every tensor is
/// aligned to its element type.
int rank(DataType type) {
    switch (type) {
    case DataType::boolean:
        return 0;
    case DataType::u8:
        return 1;
    case DataType::i8:
        return 2;
    case DataType::i16:
        return 3;
    case DataType::u16:
        return 4;
    case DataType::f16:
        return 5;
    case DataType::bf16:
        return 6;
    case DataType::i32:
        return 7;
    case DataType::u32:
        return 8;
    case DataType::f32:
        return 9;
    case DataType::f64:
        return 10;
    case DataType::i64:
        return 11;
    case DataType::u64:
        return 12;
    case DataType::opaque:
        break;
    }
    return 0;
}

void requireUtf8(const char* what, std::string_view text) {
    if (findInvalidUtf8(text) != text.size())
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: %s \"%.*s\" is not UTF-8", what, clip(text), text.data());
}

void appendNumber(std::pmr::string& out, uint64_t number) {
    char digits[24];
    out.append(digits, static_cast<std::size_t>(std::snprintf(digits, sizeof(digits), "%" PRIu64, number)));
}

} // namespace

SafetensorsWriter::SafetensorsWriter(std::pmr::memory_resource* memory)
    : memory_(memory), metadata_(memory), tensors_(memory), names_(memory) {}

void SafetensorsWriter::addMetadata(std::string_view key, std::string_view value) {
    requireUtf8("metadata key", key);
    requireUtf8("metadata value", value);
    for (const Text& text : metadata_)
        if (text.key == key)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: metadata key \"%.*s\" given twice", clip(key),
                        key.data());
    metadata_.push_back({std::pmr::string(key, memory_), std::pmr::string(value, memory_)});
}

void SafetensorsWriter::addTensor(std::string_view name, DataType type, std::span<const uint64_t> shape,
                                  std::span<const std::byte> data) {
    requireUtf8("tensor name", name);
    if (name == safetensorsMetadataKey)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: \"%.*s\" cannot name a tensor", clip(name), name.data());
    if (shape.size() > maxTensorRank)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: tensor \"%.*s\": %zu dimensions, more than %zu",
                    clip(name), name.data(), shape.size(), maxTensorRank);
    if (type == DataType::opaque)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: tensor \"%.*s\" is of no type that can be written",
                    clip(name), name.data());
    uint64_t bytes = dataTypeSize(type);
    bool overflow = false;
    for (const uint64_t size : shape) {
        overflow |= size != 0 && bytes > std::numeric_limits<uint64_t>::max() / size;
        bytes *= size;
    }
    if (overflow || bytes != data.size())
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: tensor \"%.*s\": %zu bytes of data do not fit its shape",
                    clip(name), name.data(), data.size());
    if (!names_.emplace(name).second)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: tensor \"%.*s\" given twice", clip(name), name.data());
    tensors_.push_back({std::pmr::string(name, memory_), type, TensorShape(shape), data});
}

std::pmr::vector<const SafetensorsWriter::Tensor*> SafetensorsWriter::inFileOrder() const {
    std::pmr::vector<const Tensor*> order(memory_);
    order.reserve(tensors_.size());
    for (const Tensor& tensor : tensors_)
        order.push_back(&tensor);
    std::sort(order.begin(), order.end(), [](const Tensor* a, const Tensor* b) {
        return a->type != b->type ? rank(a->type) > rank(b->type) : a->name < b->name;
    });
    return order;
}

std::pmr::string SafetensorsWriter::header(std::span<const Tensor* const> order) const {
    std::pmr::string out(memory_);
    const auto separate = [&out] {
        if (out.back() != '{')
            out += ',';
    };
    out += '{';
    if (!metadata_.empty()) {
        appendJsonString(out, safetensorsMetadataKey);
        out += ":{";
        for (const Text& text : metadata_) {
            separate();
            appendJsonString(out, text.key);
            out += ':';
            appendJsonString(out, text.value);
        }
        out += '}';
    }
    uint64_t offset = 0;
    for (const Tensor* tensor : order) {
        separate();
        appendJsonString(out, tensor->name);
        out += ":{\"dtype\":\"";
        out += dataTypeName(tensor->type);
        out += "\",\"shape\":[";
        for (std::size_t i = 0; i < tensor->shape.size(); ++i) {
            if (i != 0)
                out += ',';
            appendNumber(out, tensor->shape[i]);
        }
        out += "],\"data_offsets\":[";
        appendNumber(out, offset);
        out += ',';
        appendNumber(out, offset += tensor->data.size());
        out += "]}";
    }
    out += '}';
    out.append((8 - out.size() % 8) % 8, ' ');
    if (out.size() > safetensorsHeaderLimit)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "safetensors: header of %zu bytes exceeds the limit of %" PRIu64,
                    out.size(), safetensorsHeaderLimit);
    return out;
}

void SafetensorsWriter::write(Sink sink, void* user) const {
    const std::pmr::vector<const Tensor*> order = inFileOrder();
    const std::pmr::string text = header(order);
    const uint64_t length = text.size();
    sink(user, std::as_bytes(std::span(&length, 1)));
    sink(user, std::as_bytes(std::span(text)));
    for (const Tensor* tensor : order)
        if (!tensor->data.empty())
            sink(user, tensor->data);
}

std::pmr::vector<std::byte> SafetensorsWriter::toBytes() const {
    std::pmr::vector<std::byte> out(memory_);
    write(
        [](void* user, std::span<const std::byte> piece) {
            auto& bytes = *static_cast<std::pmr::vector<std::byte>*>(user);
            bytes.insert(bytes.end(), piece.begin(), piece.end());
        },
        &out);
    return out;
}

} // namespace saccade
