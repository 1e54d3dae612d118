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

/// Rows and columns of a map.
using Pair = std::array<uint32_t, 2>;

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

constexpr uint32_t mapLanes = 64; ///< invocations of a workgroup of such a kernel

/// Sets the groups of a kernel that writes a map of `resultSize` from one of `sourceSize`, and what map_item.glsl reads
/// of its parameters. Throws as flatGrid.
template <class Parameters, class Desc>
MapWalk walkMap(const char* kernel, uint32_t blocks, const Desc& desc, const Pair& sourceSize, const Pair& resultSize,
                Parameters& p, Dispatch& dispatch, const DeviceProfile& device) {
    const MapWalk walk = mapWalk(desc.channels, blocks, std::array{desc.source, desc.result});
    const uint64_t items = uint64_t{resultSize[0]} * resultSize[1] * walk.pieces;
    dispatch.groups = flatGrid(kernel, items, mapLanes, desc.batch, device);
    p.sourceStrides = desc.source.mapStrides();
    p.resultStrides = desc.result.mapStrides();
    p.sourceOffset = desc.source.offset;
    p.resultOffset = desc.result.offset;
    p.divisorChannels = divisor(walk.pieces);
    p.divisorColumns = divisor(resultSize[1]);
    p.items = static_cast<uint32_t>(items);
    p.rows = int32(sourceSize[0]);
    p.columns = int32(sourceSize[1]);
    return walk;
}

} // namespace saccade
