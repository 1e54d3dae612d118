// SPDX-License-Identifier: Apache-2.0
#include "kernels/views.hpp"

#include <algorithm>
#include <bit>

#include "base/error.hpp"

namespace saccade {

uint64_t elementCount(const Extents& size) {
    uint64_t count = 1;
    for (const uint32_t n : size)
        if (n && count > UINT64_MAX / n)
            return UINT64_MAX;
        else
            count *= n;
    return count;
}

FixedVector<Axis, maxAxes> collapsedAxes(const char* kernel, const Extents& size, std::span<const StridedView> views) {
    const uint64_t count = elementCount(size);
    if (!count)
        throw Error(SAC_ERROR_INTERNAL, "%s: a size is 0", kernel);
    if (count > INT32_MAX)
        throw Error(SAC_ERROR_UNSUPPORTED, "%s: %llu elements exceed 2^31", kernel, wide(count));
    FixedVector<Axis, maxAxes> axes;
    const size_t last = views.size() - 1;
    for (uint32_t i = 0; i < maxAxes; ++i) {
        if (size[i] == 1)
            continue;
        Axis axis{size[i], {}};
        for (size_t view = 0; view < views.size(); ++view)
            axis.strides[view] = views[view].strides[i];
        axes.push_back(axis);
        // An insertion sort, in which equal strides keep their order.
        for (size_t at = axes.size() - 1; at > 0 && axes[at - 1].strides[last] < axes[at].strides[last]; --at)
            std::swap(axes[at - 1], axes[at]);
    }
    FixedVector<Axis, maxAxes> merged;
    for (const Axis& axis : axes) {
        const bool even =
            !merged.empty() && std::equal(axis.strides.begin(), axis.strides.end(), merged.back().strides.begin(),
                                          [&](uint32_t in, uint32_t out) { return uint64_t{in} * axis.size == out; });
        if (even) {
            merged.back().size *= axis.size;
            merged.back().strides = axis.strides;
        } else {
            merged.push_back(axis);
        }
    }
    if (merged.empty())
        merged.push_back({});
    return merged;
}

MapWalk mapWalk(uint32_t channels, uint32_t blocks, std::span<const StridedView> views) {
    const auto largestDivisor = [](uint32_t n, uint32_t most) {
        while (n % most)
            --most;
        return most;
    };
    MapWalk walk;
    walk.vectors =
        std::all_of(views.begin(), views.end(), [&](const StridedView& view) { return view.fourWide(channels); });
    walk.chunk = largestDivisor(channels, 4);
    walk.blocks = largestDivisor(channels / walk.chunk, blocks);
    walk.pieces = channels / walk.chunk / walk.blocks;
    return walk;
}

uvec4 divisor(uint32_t d) {
    // With l = ceil(log2 d) and m = floor(2^(31 + l) / d) + 1, floor(n * m / 2^(31 + l)) is floor(n / d) for n < 2^31:
    // Granlund and Montgomery, "Division by invariant integers using multiplication", theorem 4.2.
    const uint32_t shift = static_cast<uint32_t>(std::bit_width(d - 1));
    return {d, static_cast<uint32_t>((uint64_t{1} << (31 + shift)) / d + 1), shift, 0};
}

} // namespace saccade
