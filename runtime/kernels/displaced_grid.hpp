// Grids for gridSample() that move every pixel by an offset.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// grid[b, h, row, column] = 2 * (column + dx, row + dy) / (max(width - 1, 1), max(height - 1, 1)) - 1, which is the
/// place where alignCorners samples. Swapped: (row + dx, column + dy), divided as before.
///
/// Operands: 0 offsets (batch, 2 * heads, height, width) of the storage type, in pixels: dx of every head, then dy of
/// every head; 1 grid, f32 (batch * heads, height, width, 2).
struct DisplacedGridDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1;
    uint32_t heads = 1;
    uint32_t height = 1;
    uint32_t width = 1;
    bool swapped = false;
};

/// Throws SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel displacedGrid(const DisplacedGridDesc& desc, const DeviceProfile& device);

} // namespace saccade
