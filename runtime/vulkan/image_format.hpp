// The image formats the library reads and writes.
#pragma once

#include <cstdint>

#include <vulkan/vulkan_core.h>

namespace saccade {

/// Formats that shaders name when they write; every Vulkan device can store to them.
enum class StoreFormat : uint8_t { none, rgba8, rgba16f, rgba32f, r32f };

struct ImageFormat {
    VkFormat format = VK_FORMAT_UNDEFINED;
    uint8_t components = 0; ///< that a read returns numbers for, from the first on
    uint8_t texelBytes = 0;
    StoreFormat store = StoreFormat::none;
};

/// Null for a format that is not read as floating-point numbers of one aspect.
const ImageFormat* findImageFormat(VkFormat format);

} // namespace saccade
