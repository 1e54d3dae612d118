// SPDX-License-Identifier: Apache-2.0
// Texels as the Vulkan specification defines them ("Numeric representation"), decoded to float64.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "support/safetensors_file.hpp"

namespace saccade::test {

enum class Code { unorm8, snorm8, srgb8, unorm16, half, float32 };

struct TexelFormat {
    const char* name;
    VkFormat format;
    Code code;
    uint32_t components;
    bool swapped = false; ///< blue comes first

    uint32_t componentBytes() const { return code <= Code::srgb8 ? 1 : code == Code::float32 ? 4 : 2; }
    uint32_t bytes() const { return components * componentBytes(); }
};

inline double decodeSrgb(double c) { return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); }

/// Component `index` (0 is red) of the texel at `bytes`.
inline double decodeComponent(const TexelFormat& format, const std::byte* bytes, uint32_t index) {
    const uint32_t stored = format.swapped && index < 3 ? 2 - index : index;
    bytes += stored * format.componentBytes();
    uint16_t word = 0;
    float number = 0;
    switch (format.code) {
    case Code::unorm8:
        return static_cast<uint8_t>(*bytes) / 255.0;
    case Code::snorm8:
        return std::max(static_cast<int8_t>(*bytes) / 127.0, -1.0);
    case Code::srgb8:
        return index == 3 ? static_cast<uint8_t>(*bytes) / 255.0 : decodeSrgb(static_cast<uint8_t>(*bytes) / 255.0);
    case Code::unorm16:
        std::memcpy(&word, bytes, 2);
        return word / 65535.0;
    case Code::half:
        std::memcpy(&word, bytes, 2);
        return halfToDouble(word);
    case Code::float32:
        std::memcpy(&number, bytes, 4);
        return number;
    }
    throw std::invalid_argument("no such code");
}

/// Random texels whose numbers are finite and of moderate size; depths from 0 to 1, as Vulkan wants them.
template <class Random>
void fillTexels(const TexelFormat& format, std::span<std::byte> texels, Random& random) {
    for (std::size_t i = 0; i < texels.size(); i += format.componentBytes()) {
        if (format.code == Code::float32) {
            const int32_t drawn = static_cast<int32_t>(random());
            const float value = format.format == VK_FORMAT_D32_SFLOAT ? static_cast<float>(drawn & 0xffffff) * 0x1p-24f
                                                                      : static_cast<float>(drawn) * 0x1p-30f;
            std::memcpy(&texels[i], &value, 4);
        } else if (format.code == Code::half) { // exponents from 2^-13 to 2^2
            const uint16_t word = static_cast<uint16_t>((random() & 0x83ff) | ((2 + random() % 16) << 10));
            std::memcpy(&texels[i], &word, 2);
        } else {
            for (uint32_t b = 0; b < format.componentBytes(); ++b)
                texels[i + b] = static_cast<std::byte>(random());
        }
    }
}

} // namespace saccade::test
