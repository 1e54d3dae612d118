// SPDX-License-Identifier: Apache-2.0
// A tensor in bytes somebody else owns, and its conversion to float.
#pragma once

#include <saccade/saccade.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/data_type.hpp"
#include "base/fixed_vector.hpp"

namespace saccade {

/// The most dimensions a tensor of a file may have.
inline constexpr std::size_t maxTensorRank = SAC_MAX_RANK;

using TensorShape = FixedVector<uint64_t, maxTensorRank>;

/// Row-major, little-endian, without gaps; `data` may have any alignment. No dimensions: a single element.
struct TensorView {
    std::string_view name;
    DataType type = DataType::f32;
    std::string_view typeName; ///< as the file spells it, which tells opaque types apart
    TensorShape shape;
    const std::byte* data = nullptr;
    uint64_t bytes = 0;

    uint64_t elementCount() const {
        uint64_t count = 1;
        for (const uint64_t size : shape)
            count *= size;
        return count;
    }
};

/// What readFloats does with infinities and NaN.
enum class NonFinite : uint8_t { accept, refuse };

/// Converts the elements of an F32, F16, BF16 or F64 tensor; F64 is rounded to nearest. Throws Error
/// SAC_ERROR_INVALID_WEIGHTS naming the tensor and the rule where its type is another one, where out.size() is not its
/// number of elements and, under NonFinite::refuse, where an element is not finite or an F64 is too large for a float
/// (under NonFinite::accept it becomes an infinity).
void readFloats(const TensorView& tensor, std::span<float> out, NonFinite nonFinite = NonFinite::refuse);

} // namespace saccade
