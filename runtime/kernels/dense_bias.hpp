// SPDX-License-Identifier: Apache-2.0
// Dense biases of attention: those that depend on the relative place of query and key alone, which are ALiBi and
// lookups in a table of places, and key masks for attentions that weigh masked keys instead of hiding them.
#pragma once

#include <array>
#include <cstdint>

#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Sizes of a grid of up to four axes, the last ones; those before are 1.
constexpr uint32_t maxGridAxes = 4;
using GridSize = std::array<uint32_t, maxGridAxes>;

/// Operands: 0 slopes, f32 (heads), or with `lookup` the table, f32 (places, heads); 1 bias, f32 (heads, queries,
/// keys).
struct PairBiasDesc {
    uint32_t heads = 1, queries = 1, keys = 1;
    bool lookup = false;       ///< else ALiBi (arXiv 2108.12409): -slope * |j - (i + keys - queries)|
    GridSize size{1, 1, 1, 1}; ///< lookup: the grid of queries and keys
};
Kernel pairBiasKernel(const PairBiasDesc& desc, const DeviceProfile& device);

/// Relative places of a grid: the product of (2 size - 1).
uint64_t relativePlaces(const GridSize& size);

/// Operand: 0 places, f32 (relativePlaces, dims), in the order pairBiasKernel looks them up.
Kernel relativePlacesKernel(uint32_t dims, const GridSize& size, bool logDistance, const DeviceProfile& device);

/// Operands: 0 bias, f32 (batch, keys); 1 mask, bytes (batch, masked), non-zero = keep, if hasMask.
/// Masked keys, and keys from `masked` on, get `value`; the others 0.
struct MaskBiasDesc {
    uint32_t batch = 1, keys = 1, masked = 1;
    bool hasMask = true;
    float value = 1;
};
Kernel maskBiasKernel(const MaskBiasDesc& desc, const DeviceProfile& device);

} // namespace saccade
