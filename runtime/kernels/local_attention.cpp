#include "kernels/local_attention.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kernels/attention_tuning.hpp"
#include "kernels/flat_grid.hpp"
#include "parameters/local_attention.h"

namespace saccade {
namespace {

using Axes = std::array<uint32_t, 3>;

struct Tuning {
    bool laneBroadcast = false;
    uint32_t lanes = 64; ///< of a workgroup
    uint32_t split = 1;  ///< lanes that share a query's channels
    uint32_t rows = 1;   ///< queries of a lane
    uint32_t keysPerStep = 8;

    uint32_t queriesPerGroup() const { return lanes / split * rows; }
    /// As the shader declares it.
    uint32_t sharedBytes() const { return split > 1 ? 4 * keysPerStep * (lanes + 1 + lanes / split) : 8; }
};

uint32_t largestClass(uint32_t size, uint32_t dilation) { return divideUp(size, dilation); }

// The lanes of a CPU's subgroup hand each other what they read, as in attention_tuning.cpp. A GPU's lanes hold 16
// channels or so.
Tuning tune(const LocalAttentionDesc& desc, const DeviceProfile& device) {
    Tuning tuning;
    if (usesLaneBroadcast(device)) {
        tuning.laneBroadcast = true;
        tuning.lanes = tuning.keysPerStep = device.subgroupSize;
        tuning.rows = desc.headDim <= 64 ? 2 : 1;
    } else if (device.isCpu()) {
        tuning.lanes = 8;
        // A step is unrolled over channels and keys, and each read is one per lane: code that takes minutes to compile.
        tuning.keysPerStep = std::clamp(64 / divideUp(desc.headDim, 4), 1u, 4u);
    } else {
        const uint32_t vectors = divideUp(desc.headDim, 4);
        tuning.split = vectors > 16 ? 8 : vectors > 4 ? 4 : 1;
    }
    return tuning;
}

// The keys that the queries of a tile see together, over all tiles: what is read, and with lane broadcast computed.
uint64_t visits(const LocalAttentionDesc& desc, const Axes& tile) {
    uint64_t product = 1;
    for (uint32_t axis = 0; axis < 3; ++axis) {
        const uint64_t places = largestClass(desc.size[axis], desc.dilation[axis]);
        const uint64_t seen = std::min<uint64_t>(uint64_t{tile[axis]} + desc.window[axis] - 1, places);
        product *= divideUp(places, tile[axis]) * desc.dilation[axis] * seen;
    }
    return product;
}

// The cheapest shape of `queries`, a power of two.
Axes chooseTile(const LocalAttentionDesc& desc, uint32_t queries) {
    Axes best{1, 1, queries};
    for (uint32_t depth = 1; depth <= queries; depth *= 2)
        for (uint32_t height = 1; depth * height <= queries; height *= 2) {
            const Axes tile{depth, height, queries / (depth * height)};
            if (visits(desc, tile) < visits(desc, best))
                best = tile;
        }
    return best;
}

// Keys seen along an axis, summed over its queries: full windows, less what is cut off at both ends.
uint64_t seenAlongAxis(const LocalAttentionDesc& desc, uint32_t axis) {
    const uint32_t size = desc.size[axis], dilation = desc.dilation[axis];
    if (desc.border == WindowBorder::neighborhood)
        return uint64_t{size} * desc.window[axis];
    const auto ofClass = [&](uint64_t places) {
        const uint64_t reach = std::min<uint64_t>(desc.window[axis] / 2, places - 1);
        return (2 * reach + 1) * places - reach * (reach + 1);
    };
    const uint32_t larger = size % dilation;
    return larger * ofClass(largestClass(size, dilation)) + (dilation - larger) * ofClass(size / dilation);
}

void check(const LocalAttentionDesc& desc) {
    bool valid = desc.headDim >= 1 && desc.headDim <= 256 && desc.heads && desc.batch;
    for (uint32_t axis = 0; axis < 3; ++axis) {
        valid = valid && desc.size[axis] && desc.dilation[axis] && desc.window[axis] % 2;
        valid = valid && (desc.border == WindowBorder::cut ||
                          desc.window[axis] <= smallestClass(desc.size[axis], desc.dilation[axis]));
    }
    if (!valid)
        throw Error(SAC_ERROR_INTERNAL, "local attention: %u channels a head, or a window, is out of range",
                    desc.headDim);
}

Shader shaderOf(bool half, bool laneBroadcast) {
    if (laneBroadcast)
        return half ? Shader::localAttentionLanesF16 : Shader::localAttentionLanes;
    return half ? Shader::localAttentionF16 : Shader::localAttention;
}

} // namespace

uint32_t smallestClass(uint32_t size, uint32_t dilation) { return std::max(size / dilation, 1u); }

Kernel localAttentionKernel(const LocalAttentionDesc& wanted, const DeviceProfile& device) {
    check(wanted);
    LocalAttentionDesc desc = wanted;
    for (uint32_t axis = 0; axis < 3; ++axis) // beyond the size there are no further classes
        desc.dilation[axis] = std::min(desc.dilation[axis], desc.size[axis]);

    const Tuning tuning = tune(desc, device);
    const Axes tile = chooseTile(desc, tuning.queriesPerGroup());
    Axes tiles{};
    uint64_t count = 1, pairs = uint64_t{desc.batch} * desc.heads;
    for (uint32_t axis = 0; axis < 3; ++axis) {
        tiles[axis] = divideUp(largestClass(desc.size[axis], desc.dilation[axis]), tile[axis]);
        count *= uint64_t{tiles[axis]} * desc.dilation[axis];
        pairs *= seenAlongAxis(desc, axis);
    }
    const bool fourWide = desc.q.fourWide(desc.headDim) && desc.k.fourWide(desc.headDim) &&
                          desc.v.fourWide(desc.headDim) && desc.out.fourWide(desc.headDim);

    Dispatch dispatch;
    dispatch.shader = shaderOf(desc.half, tuning.laneBroadcast);
    dispatch.constants = {tuning.lanes, desc.headDim,       tuning.split,
                          tuning.rows,  tuning.keysPerStep, desc.border == WindowBorder::neighborhood,
                          fourWide};
    dispatch.sharedBytes = tuning.sharedBytes();
    dispatch.parameters.set(LocalAttentionParameters{desc.q, desc.k, desc.v, desc.out, vector4(desc.size),
                                                     vector4(desc.window), vector4(desc.dilation), vector4(tile),
                                                     vector4(tiles), desc.heads, desc.scale});
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::read}, {3, Access::write}};
    dispatch.groups = flatGrid("local attention", count, 1, desc.batch * desc.heads, device);
    Kernel kernel;
    kernel.operandCount = 4;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 4 * pairs * desc.headDim;
    return kernel;
}

} // namespace saccade
