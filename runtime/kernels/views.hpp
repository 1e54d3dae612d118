// SPDX-License-Identifier: Apache-2.0
// Tensors of up to six axes as strided views, and how kernels walk over them: with as few axes as the views allow, and
// without integer division.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/fixed_vector.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

constexpr uint32_t maxAxes = 6;

/// Element (i0, ..., i5) lies at offset + sum of i * strides, in elements. A stride of 0 repeats. Unused axes lead,
/// with size 1.
struct StridedView {
    uint32_t offset = 0;
    std::array<uint32_t, maxAxes> strides{};

    /// Of a dense tensor of this size, the last axis contiguous.
    static StridedView dense(const std::array<uint32_t, maxAxes>& size, uint32_t offset = 0) {
        StridedView view{offset, {}};
        uint32_t stride = 1;
        for (uint32_t axis = maxAxes; axis-- > 0; stride *= size[axis])
            view.strides[axis] = stride;
        return view;
    }

    /// Of the last four axes, which are batch, row, column and channel of a map.
    uvec4 mapStrides() const { return {strides[2], strides[3], strides[4], strides[5]}; }
    /// Whether a map of so many channels is read and written four channels at a time.
    bool fourWide(uint32_t channels) const {
        return strides[5] == 1 && (offset | strides[2] | strides[3] | strides[4] | channels) % 4 == 0;
    }
};

/// How a kernel walks over a channels-last map (shaders/map_item.glsl): a pixel's channels in pieces.
struct MapWalk {
    bool vectors = false; ///< four channels at a time
    uint32_t chunk = 1;   ///< channels at a time, 1..4
    uint32_t blocks = 1;  ///< chunks of a piece
    uint32_t pieces = 1;  ///< of a pixel
};

/// For the views that have these channels; a piece has at most `blocks` chunks.
MapWalk mapWalk(uint32_t channels, uint32_t blocks, std::span<const StridedView> views);

using Extents = std::array<uint32_t, maxAxes>; ///< sizes of the axes

uint64_t elementCount(const Extents& size);

/// An axis that several views share.
struct Axis {
    uint32_t size = 1;
    std::array<uint32_t, 4> strides{}; ///< of each view
};

/// The axes over which up to four views of `size` are walked: without those of size 1, in the order of the last view's
/// strides, and adjacent ones as one where every view steps over them evenly. At least one.
/// Throws SAC_ERROR_INTERNAL for a size of 0, SAC_ERROR_UNSUPPORTED for 2^31 elements or more; `kernel` names it.
FixedVector<Axis, maxAxes> collapsedAxes(const char* kernel, const Extents& size, std::span<const StridedView> views);

/// For quotient() of shaders/division.glsl: (d, multiplier, shift, 0) for dividends under 2^31. d is 1..2^31.
uvec4 divisor(uint32_t d);

} // namespace saccade
