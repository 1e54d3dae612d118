// SPDX-License-Identifier: Apache-2.0
#include "kernels/sparse_attention.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "kernels/attention_tuning.hpp"
#include "kernels/kernel.hpp"
#include "parameters/dynamic_attention.h"
#include "parameters/local_attention.h"

namespace saccade {
namespace {

using Axes = std::array<uint32_t, 3>;

struct Tuning {
    bool laneBroadcast = false;
    uint32_t lanes = 64;         ///< of a workgroup
    uint32_t lanesPerQuery = 1;  ///< lanes that share a query's channels
    uint32_t queriesPerLane = 1; ///< queries of a lane
    uint32_t keysPerStep = 8;

    uint32_t queriesPerGroup() const { return lanes / lanesPerQuery * queriesPerLane; }
    /// As the shader declares it.
    uint32_t sharedBytes() const {
        return lanesPerQuery > 1 ? 4 * keysPerStep * (lanes + 1 + lanes / lanesPerQuery) : 8;
    }
};

uint32_t largestClass(uint32_t size, uint32_t dilation) { return divideUp(size, dilation); }

// The lanes of a CPU's subgroup hand each other what they read, as in attention_tuning.cpp. A GPU's lanes hold 16
// channels or so.
Tuning tune(const LocalAttentionDesc& desc, const DeviceProfile& device) {
    Tuning tuning;
    if (usesLaneBroadcast(device)) {
        tuning.laneBroadcast = true;
        tuning.lanes = tuning.keysPerStep = device.subgroupSize;
        tuning.queriesPerLane = desc.headDim <= 64 ? 2 : 1;
    } else if (device.isCpu()) {
        tuning.lanes = 8;
        // A step is unrolled over channels and keys, and each read is one per lane: code that takes minutes to compile.
        tuning.keysPerStep = std::clamp(64 / divideUp(desc.headDim, 4), 1u, 4u);
    } else {
        const uint32_t vectors = divideUp(desc.headDim, 4);
        tuning.lanesPerQuery = vectors > 16 ? 8 : vectors > 4 ? 4 : 1;
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

constexpr uint32_t heapSlots = 32; // shaders/dynamic_select.comp

/// The tiling of scores.
struct Tiles {
    uint32_t lanes;
    uint32_t queriesPerGroup, keysPerStep;
    uint32_t queriesPerLane, keysPerLane;
    bool laneBroadcast;

    /// As shaders/dynamic_scores.glsl declares its shared memory: tiles of queries and keys, and of scores.
    uint32_t sharedBytes() const {
        return laneBroadcast ? 36 : 16 * 5 * (queriesPerGroup + keysPerStep) + 4 * keysPerStep * (queriesPerGroup + 8);
    }
};

Tiles tilesFor(const DynamicAttentionDesc& desc, const DeviceProfile& device) {
    if (usesLaneBroadcast(device)) {
        const uint32_t lanes = device.subgroupSize;
        return {lanes, lanes, lanes, 1, lanes, true};
    }
    // A square block of 16 scores a lane reads least for its arithmetic. Half as many queries leave a lane half of the
    // channels to sum, and give more workgroups where there are few queries.
    const uint64_t groups = uint64_t{desc.batch} * desc.heads * divideUp(desc.tokens, 32);
    const uint32_t rows = desc.headDim > 128 || groups < 128 ? 16 : 32;
    return {64, rows, 32, rows / 8, 4, false};
}

void requireRange(const char* name, uint64_t value, uint64_t low, uint64_t high) {
    if (value < low || value > high)
        throw Error(SAC_ERROR_INTERNAL, "dynamic attention: %s is %llu, not in %llu..%llu", name, wide(value),
                    wide(low), wide(high));
}

void check(const DynamicAttentionDesc& desc) {
    requireRange("batch", desc.batch, 1, UINT32_MAX);
    requireRange("heads", desc.heads, 1, UINT32_MAX);
    requireRange("tokens", desc.tokens, 1, INT32_MAX);
    requireRange("headDim", desc.headDim, 1, 256);
    if (desc.select == KeySelection::topK)
        requireRange("topK", desc.topK, 1, UINT32_MAX);
    else if (!(desc.threshold >= 0))
        throw Error(SAC_ERROR_INTERNAL, "dynamic attention: threshold is %g, not at least 0",
                    static_cast<double>(desc.threshold));
}

bool fourWide(const AttentionView& view) {
    return (view.offset | view.batchStride | view.headStride | view.tokenStride) % 4 == 0;
}

Shader pick(const Shader (&variants)[2][2], bool laneBroadcast, DataType storage) {
    return variants[laneBroadcast][storage == DataType::f16];
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
    dispatch.constants = {tuning.lanes,
                          desc.headDim,
                          tuning.lanesPerQuery,
                          tuning.queriesPerLane,
                          tuning.keysPerStep,
                          desc.border == WindowBorder::neighborhood,
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

Kernel dynamicAttention(const DynamicAttentionDesc& desc, const DeviceProfile& device) {
    check(desc);
    static constexpr Shader selects[2][2] = {{Shader::dynamicSelect, Shader::dynamicSelectF16},
                                             {Shader::dynamicSelectLanes, Shader::dynamicSelectLanesF16}};
    static constexpr Shader attends[2][2] = {{Shader::dynamicAttention, Shader::dynamicAttentionF16},
                                             {Shader::dynamicAttentionLanes, Shader::dynamicAttentionLanesF16}};
    const Tiles tiles = tilesFor(desc, device);
    // All keys are those within an infinite threshold.
    const bool keepsAll = desc.select == KeySelection::topK && desc.topK >= desc.tokens;
    const bool byThreshold = desc.select == KeySelection::threshold || keepsAll;
    const uint64_t rows = uint64_t{desc.batch} * desc.heads * desc.tokens;
    constexpr uint8_t bounds = 4;

    Kernel kernel;
    kernel.operandCount = 4;
    kernel.scratchBytes.push_back(8 * rows);
    kernel.flops = 2 * rows * desc.tokens * desc.headDim;
    if (!byThreshold || keepsAll)
        kernel.flops += 2 * rows * std::min(desc.topK, desc.tokens) * desc.headDim;

    Dispatch select;
    select.shader = pick(selects, tiles.laneBroadcast, desc.storage);
    const bool vectors =
        desc.headDim % 4 == 0 && fourWide(desc.q) && fourWide(desc.k) && fourWide(desc.v) && fourWide(desc.out);
    select.constants = {tiles.lanes,       desc.headDim, tiles.queriesPerGroup, tiles.keysPerStep, tiles.queriesPerLane,
                        tiles.keysPerLane, vectors};
    select.parameters.set(
        DynamicAttentionParameters{desc.q, desc.k, desc.v, desc.out, desc.tokens, desc.heads, desc.topK,
                                   keepsAll ? std::numeric_limits<float>::infinity() : desc.threshold, desc.scale});
    select.groups = {divideUp(desc.tokens, tiles.queriesPerGroup), 1, desc.batch * desc.heads};
    select.sharedBytes = tiles.sharedBytes();

    Dispatch attend = select;
    attend.shader = pick(attends, tiles.laneBroadcast, desc.storage);
    attend.bindings = {
        {0, Access::read}, {1, Access::read}, {2, Access::read}, {bounds, Access::read}, {3, Access::write}};
    select.sharedBytes += 4 * (byThreshold ? 1 : heapSlots * tiles.queriesPerGroup) + 4;
    select.constants.push_back(byThreshold);
    select.constants.push_back(!byThreshold && desc.topK <= heapSlots);
    select.bindings = {{0, Access::read}, {1, Access::read}, {bounds, Access::write}};
    kernel.dispatches = {select, attend};
    return kernel;
}

} // namespace saccade
