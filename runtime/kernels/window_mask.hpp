// SPDX-License-Identifier: Apache-2.0
// The mask of shifted windows: which tokens of a window were neighbours before the map was rolled.
#pragma once

#include <cstdint>

#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Operand: 0 mask, bytes (batch * windows, tokens, tokens) for queries and keys, 1 = visible; at most 2^31 of them.
/// A map of windowRows x windowColumns windows was rolled towards its origin by the shift. Tokens of a window see each
/// other unless the roll brought one of them, and not the other, around the map's edge (Swin Transformer, arXiv
/// 2103.14030).
struct WindowMaskDesc {
    uint32_t batch = 1;
    uint32_t windowRows = 1, windowColumns = 1; ///< windows of a map
    uint32_t windowHeight = 1, windowWidth = 1; ///< tokens of a window
    uint32_t shiftHeight = 0, shiftWidth = 0;   ///< less than the window
};
Kernel windowMaskKernel(const WindowMaskDesc& desc, const DeviceProfile& device);

} // namespace saccade
