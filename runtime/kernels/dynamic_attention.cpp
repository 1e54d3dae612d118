#include "kernels/dynamic_attention.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "kernels/attention_tuning.hpp"
#include "parameters/dynamic_attention.h"

namespace saccade {
namespace {

constexpr uint32_t heapSlots = 32; // shaders/dynamic_select.comp

/// How tiles of scores are cut.
struct Tiles {
    uint32_t lanes, rows, keys; ///< of a workgroup
    uint32_t laneRows, laneKeys;
    bool laneBroadcast;

    /// As shaders/dynamic_scores.glsl declares its shared memory: tiles of queries and keys, and of scores.
    uint32_t sharedBytes() const { return laneBroadcast ? 36 : 16 * 5 * (rows + keys) + 4 * keys * (rows + 8); }
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
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "dynamic attention: %s is %llu, not in %llu..%llu", name, wide(value),
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
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "dynamic attention: threshold is %g, not at least 0",
                    static_cast<double>(desc.threshold));
}

bool fourWide(const AttentionView& view) {
    return (view.offset | view.batchStride | view.headStride | view.tokenStride) % 4 == 0;
}

Shader pick(const Shader (&variants)[2][2], bool laneBroadcast, DataType storage) {
    return variants[laneBroadcast][storage == DataType::f16];
}

} // namespace

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
    select.constants = {tiles.lanes, desc.headDim, tiles.rows, tiles.keys, tiles.laneRows, tiles.laneKeys, vectors};
    select.parameters.set(
        DynamicAttentionParameters{desc.q, desc.k, desc.v, desc.out, desc.tokens, desc.heads, desc.topK,
                                   keepsAll ? std::numeric_limits<float>::infinity() : desc.threshold, desc.scale});
    select.groups = {divideUp(desc.tokens, tiles.rows), 1, desc.batch * desc.heads};
    select.sharedBytes = tiles.sharedBytes();

    Dispatch attend = select;
    attend.shader = pick(attends, tiles.laneBroadcast, desc.storage);
    attend.bindings = {
        {0, Access::read}, {1, Access::read}, {2, Access::read}, {bounds, Access::read}, {3, Access::write}};
    select.sharedBytes += 4 * (byThreshold ? 1 : heapSlots * tiles.rows) + 4;
    select.constants.push_back(byThreshold);
    select.constants.push_back(!byThreshold && desc.topK <= heapSlots);
    select.bindings = {{0, Access::read}, {1, Access::read}, {bounds, Access::write}};
    kernel.dispatches = {select, attend};
    return kernel;
}

} // namespace saccade
