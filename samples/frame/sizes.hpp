// SPDX-License-Identifier: Apache-2.0
// What everything in the sample agrees on.
#pragma once

#include <cstdint>

namespace frame {

constexpr uint32_t frameSize = 256;              ///< pixels per side of the frame
constexpr uint32_t cellSize = 4;                 ///< pixels per side of a token
constexpr uint32_t cells = frameSize / cellSize; ///< tokens per side
constexpr uint32_t keys = cells / 4;             ///< keys per side: the model's downsample_factor
constexpr uint32_t zoom = 3;                     ///< of the pictures and the window

} // namespace frame
