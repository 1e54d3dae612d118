// SPDX-License-Identifier: Apache-2.0
#include "api/image_format.hpp"

namespace saccade {
namespace {

constexpr struct {
    VkFormat format;
    ImageFormat properties;
} formats[] = {
    {VK_FORMAT_R8_UNORM, {1, 1, StoreFormat::any}},
    {VK_FORMAT_R8_SNORM, {1, 1, StoreFormat::any}},
    {VK_FORMAT_R8_SRGB, {1, 1}},
    {VK_FORMAT_R8G8_UNORM, {2, 2, StoreFormat::any}},
    {VK_FORMAT_R8G8_SNORM, {2, 2, StoreFormat::any}},
    {VK_FORMAT_R8G8_SRGB, {2, 2}},
    {VK_FORMAT_R8G8B8A8_UNORM, {4, 4, StoreFormat::rgba8}},
    {VK_FORMAT_R8G8B8A8_SNORM, {4, 4, StoreFormat::any}},
    {VK_FORMAT_R8G8B8A8_SRGB, {4, 4}},
    {VK_FORMAT_B8G8R8A8_UNORM, {4, 4, StoreFormat::any}},
    {VK_FORMAT_B8G8R8A8_SRGB, {4, 4}},
    {VK_FORMAT_A8B8G8R8_UNORM_PACK32, {4, 4, StoreFormat::any}},
    {VK_FORMAT_A8B8G8R8_SRGB_PACK32, {4, 4}},
    {VK_FORMAT_A2B10G10R10_UNORM_PACK32, {4, 4, StoreFormat::any}},
    {VK_FORMAT_A2R10G10B10_UNORM_PACK32, {4, 4, StoreFormat::any}},
    {VK_FORMAT_R5G6B5_UNORM_PACK16, {3, 2, StoreFormat::any}},
    {VK_FORMAT_B10G11R11_UFLOAT_PACK32, {3, 4, StoreFormat::any}},
    {VK_FORMAT_E5B9G9R9_UFLOAT_PACK32, {3, 4, StoreFormat::any}},
    {VK_FORMAT_R16_UNORM, {1, 2, StoreFormat::any}},
    {VK_FORMAT_R16_SNORM, {1, 2, StoreFormat::any}},
    {VK_FORMAT_R16_SFLOAT, {1, 2, StoreFormat::any, true}},
    {VK_FORMAT_R16G16_UNORM, {2, 4, StoreFormat::any}},
    {VK_FORMAT_R16G16_SNORM, {2, 4, StoreFormat::any}},
    {VK_FORMAT_R16G16_SFLOAT, {2, 4, StoreFormat::any, true}},
    {VK_FORMAT_R16G16B16A16_UNORM, {4, 8, StoreFormat::any}},
    {VK_FORMAT_R16G16B16A16_SNORM, {4, 8, StoreFormat::any}},
    {VK_FORMAT_R16G16B16A16_SFLOAT, {4, 8, StoreFormat::rgba16f, true}},
    {VK_FORMAT_R32_SFLOAT, {1, 4, StoreFormat::r32f}},
    {VK_FORMAT_R32G32_SFLOAT, {2, 8, StoreFormat::any}},
    {VK_FORMAT_R32G32B32_SFLOAT, {3, 12, StoreFormat::any}},
    {VK_FORMAT_R32G32B32A32_SFLOAT, {4, 16, StoreFormat::rgba32f}},
    {VK_FORMAT_D16_UNORM, {1, 2}},
    {VK_FORMAT_X8_D24_UNORM_PACK32, {1, 4}},
    {VK_FORMAT_D32_SFLOAT, {1, 4}},
};

} // namespace

const ImageFormat* findImageFormat(VkFormat format) {
    for (const auto& known : formats)
        if (known.format == format)
            return &known.properties;
    return nullptr;
}

} // namespace saccade
