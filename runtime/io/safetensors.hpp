// SPDX-License-Identifier: Apache-2.0
// Reader of the safetensors format (huggingface.co/docs/safetensors) over bytes in memory:
//     8 bytes   length n of the header, little-endian
//     n bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
//               "__metadata__": {"key": "text", ...}}, padded with spaces
//     the rest  tensor data, which the tensors cover without gap or overlap; offsets count from its start
#pragma once

#include <cstddef>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "io/json.hpp"
#include "io/tensor_view.hpp"

namespace saccade {

/// Longest header there may be, in bytes; upstream's limit.
inline constexpr uint64_t safetensorsHeaderLimit = 100'000'000;
/// Longest header that is read unless more is asked for: room for about 100,000 tensors.
inline constexpr uint64_t safetensorsDefaultHeaderLimit = 10'000'000;
/// Bytes of host memory that reading a header takes at most, for each of its bytes, beside some kilobytes.
inline constexpr uint64_t safetensorsMemoryFactor = 16;

/// Key of the header's free-form text, which no tensor can have as its name.
inline constexpr std::string_view safetensorsMetadataKey = "__metadata__";

/// A checked file. Tensor data is not copied: TensorView::data stays valid as long as the bytes do, names and metadata
/// as long as this object, moved or not.
class Safetensors {
public:
    /// Checks the whole header before anything is used. Refused, with Error SAC_ERROR_MALFORMED_FILE naming tensor,
    /// value and rule, is what upstream refuses (sizes that disagree, gaps, overlaps, bytes no tensor claims) and
    /// beyond that: keys or names that appear twice, more than maxTensorRank dimensions, offsets and dimensions of more
    /// than 63 bits. A tensor of a type that nothing here reads is kept as opaque, its bytes checked against its shape
    /// where the type's size is known; whoever wants to read it is refused.
    /// Values that no header has are refused while it is parsed, and one of more than `headerLimit` bytes before.
    Safetensors(std::span<const std::byte> file, std::pmr::memory_resource* memory,
                uint64_t headerLimit = safetensorsDefaultHeaderLimit);

    Safetensors(Safetensors&&) noexcept = default;
    Safetensors& operator=(Safetensors&&) = delete;

    /// Sorted by name, bytewise.
    std::span<const TensorView> tensors() const { return tensors_; }

    /// The tensor of this name, or null.
    const TensorView* find(std::string_view name) const;

    /// The text of a metadata key, or nothing.
    std::optional<std::string_view> metadata(std::string_view key) const;

    /// All metadata, sorted by key; values are strings.
    std::span<const JsonMember> metadata() const { return metadata_.members(); }

private:
    void checkLayout(uint64_t dataBytes, const std::byte* data, std::pmr::memory_resource* memory) const;

    JsonDocument header_;
    JsonValue metadata_;
    std::pmr::vector<TensorView> tensors_;
};

} // namespace saccade
