// Attention of each query to a window of keys around it, on a grid of one to three axes: fixed sparse attention. It
// costs what it visits; the score matrix is never stored.
#pragma once

#include <array>
#include <cstdint>

#include "base/device_profile.hpp"
#include "kernels/attention.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Where a window reaches beyond the map.
enum class WindowBorder : uint8_t {
    cut,          ///< what lies outside is not seen
    neighborhood, ///< the window moves inwards: all queries see as many keys (NATTEN, arXiv 2204.07143, 2209.15001)
};

/// Operands: 0 q, 1 k, 2 v, 3 out, all of the storage type, at the views given. A token's index counts through the
/// grid, width fastest. Arrays are (depth, height, width); leading ones are 1 in fewer dimensions.
///
/// Along an axis, query i sees keys of its class modulo the dilation. With r = (window - 1) / 2, those are i + dilation
/// * t, t from -r to r, that lie inside; or with `neighborhood`, where i is at place p of the m positions of its class,
/// the `window` places from clamp(p - r, 0, m - window) on. A key is seen if it is seen along every axis.
struct LocalAttentionDesc {
    bool half = false;
    uint32_t batch = 1;
    uint32_t heads = 1;
    uint32_t headDim = 64; ///< channels of a head, 1..256
    float scale = 1;       ///< score = scale * q . k
    AttentionView q, k, v, out;
    std::array<uint32_t, 3> size{1, 1, 1};
    std::array<uint32_t, 3> window{1, 1, 1};   ///< odd
    std::array<uint32_t, 3> dilation{1, 1, 1}; ///< at least 1
    WindowBorder border = WindowBorder::cut;

    uint32_t tokens() const { return size[0] * size[1] * size[2]; }
};

/// Positions of the smallest class along an axis: with `neighborhood` the window may not be wider.
uint32_t smallestClass(uint32_t size, uint32_t dilation);

/// One dispatch; groups[2] = batch * heads. Throws SAC_ERROR_INTERNAL for a description no module may build.
Kernel localAttentionKernel(const LocalAttentionDesc& desc, const DeviceProfile& device);

} // namespace saccade
