// SPDX-License-Identifier: Apache-2.0
// Conversion between an engine's images and the tokens used inside: (b, h * w, c) of f32 or f16.
//
// An image of k channels and factor r has r * r pixels of each cell of the h by w grid and stands for k * r * r
// channels: pixel_unshuffle and pixel_shuffle of Shi et al., arXiv 1609.05158, in PyTorch's order.
#pragma once

#include <array>
#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "base/fixed_vector.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Formats that shaders name when they write, to which every Vulkan device can store; `any` takes the feature
/// shaderStorageImageWriteWithoutFormat, and a format that the device stores to.
enum class StoreFormat : uint8_t { none, rgba8, rgba16f, rgba32f, r32f, any };

/// What a plan has to know of an image's format.
struct ImageFormat {
    uint8_t components = 0; ///< that a read returns numbers for, from the first on
    uint8_t texelBytes = 0;
    StoreFormat store = StoreFormat::none; ///< none: the library cannot write it
    bool halves = false;                   ///< of float16
};

/// Numbered as in shaders/image_transfer.glsl; SacImageTransfer has the formulas.
enum class ImageTransfer : uint32_t { linear, log1p, srgb, pq, reciprocal, octahedral };

/// The channels of a map that an image holds.
struct ImageSlice {
    uint32_t first = 0;      ///< component of the texel
    uint32_t components = 4; ///< from there on, 1 to 4; 2 with `octahedral`
    uint32_t factor = 1;     ///< 1 to 64
    ImageTransfer transfer = ImageTransfer::linear;
    std::array<float, 4> scale{1, 1, 1, 1}; ///< of each component; not 0
    std::array<float, 4> bias{};

    uint32_t mapChannels() const { return transfer == ImageTransfer::octahedral ? 3 : components; }
    uint32_t tokenChannels() const { return mapChannels() * factor * factor; }
};

/// What both directions have.
struct ImageTokensDesc {
    DataType type = DataType::f32; ///< of the tokens
    bool layered = false;          ///< views are 2D_ARRAY, a layer for each of the batch; else 2D, and batch is 1
    uint32_t batch = 1;
    uint32_t height = 1, width = 1; ///< of the grid of tokens
    uint32_t rowChannels = 4;       ///< of a token
    uint32_t firstChannel = 0;      ///< of the first slice, which others follow
};

/// That one dispatch can read.
constexpr uint32_t maxImagesRead = 8;
/// That one should: CPU drivers compute every branch, so there each image has a dispatch.
inline uint32_t imagesRead(const DeviceProfile& device) { return device.isCpu() ? 1 : maxImagesRead; }

/// Operands: 0 tokens, 1 + i image i, sampled. Writes the channels of the slices, one after the other.
struct ImagesToTokensDesc : ImageTokensDesc {
    FixedVector<ImageSlice, maxImagesRead> images;
};

/// Throws SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel imagesToTokens(const ImagesToTokensDesc& desc, const DeviceProfile& device);

/// Operands: 0 tokens, 1 image, written.
struct TokensToImageDesc : ImageTokensDesc {
    ImageFormat format;
    ImageSlice image;
};

/// Throws as imagesToTokens.
Kernel tokensToImage(const TokensToImageDesc& desc, const DeviceProfile& device);

} // namespace saccade
