// SPDX-License-Identifier: Apache-2.0
// The image formats that the library reads and writes, as Vulkan names them.
#pragma once

#include <vulkan/vulkan_core.h>

#include "kernels/image.hpp"

namespace saccade {

/// Null for a format that is not read as floating-point numbers of one aspect.
const ImageFormat* findImageFormat(VkFormat format);

} // namespace saccade
