// SPDX-License-Identifier: Apache-2.0
// Conversion between an engine's images and the tokens used inside: (b, h * w, c) of f32 or f16.
//
// An image of k channels and factor r has r * r pixels of each cell of the h by w grid and stands for k * r * r
// channels: pixel_unshuffle and pixel_shuffle of Shi et al., arXiv 1609.05158, in PyTorch's order.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "base/fixed_vector.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

constexpr uint32_t maxImages = 4;

/// Formats that shaders name when they write; every Vulkan device can store to them.
enum class StoreFormat : uint8_t { none, rgba8, rgba16f, rgba32f, r32f };

/// What a plan has to know of an image's format.
struct ImageFormat {
    uint8_t components = 0; ///< that a read returns numbers for, from the first on
    uint8_t texelBytes = 0;
    StoreFormat store = StoreFormat::none; ///< none: the library cannot write it
};

/// The channels that an image holds.
struct ImageSlice {
    uint32_t channels = 4; ///< 1 to 4
    uint32_t factor = 1;

    uint32_t tokenChannels() const { return channels * factor * factor; }
};

/// Operands: 0 tokens, 1 + i image i, sampled. Tokens have the channels of all slices, one after the other.
struct ImagesToTokensDesc {
    DataType type = DataType::f32; ///< of the tokens
    bool layered = false;          ///< views are 2D_ARRAY, a layer for each of the batch; else 2D, and batch is 1
    uint32_t batch = 1;
    uint32_t height = 1, width = 1; ///< of the grid of tokens
    FixedVector<ImageSlice, maxImages> images;
};

/// Throws SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel imagesToTokens(const ImagesToTokensDesc& desc, const DeviceProfile& device);

/// Operands: 0 tokens, 1 image, written.
struct TokensToImageDesc {
    DataType type = DataType::f32;
    StoreFormat format = StoreFormat::rgba8;
    bool layered = false;
    uint32_t batch = 1;
    uint32_t height = 1, width = 1;
    uint32_t rowChannels = 4;  ///< of a token
    uint32_t firstChannel = 0; ///< of the slice
    ImageSlice image;
};

/// Throws as imagesToTokens.
Kernel tokensToImage(const TokensToImageDesc& desc, const DeviceProfile& device);

} // namespace saccade
