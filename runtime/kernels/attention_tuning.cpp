// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention_tuning.hpp"

#include <algorithm>

namespace saccade {
namespace {

/// Workgroups below which a device is thought to idle.
constexpr uint32_t cpuGroups = 16;
constexpr uint32_t gpuGroups = 128;

uint32_t vectors(uint32_t channels) { return divideUp(channels, 4); }

uint32_t stagedKeyBytes(const AttentionDesc& desc) { return 16 * (vectors(desc.headDim) + vectors(desc.valueDim) + 1); }

/// Lanes are queries. CPU drivers make of a buffer read one scalar read per lane, even where all lanes read the same,
/// so that a read costs as much as 15 multiply-adds. Where lanes can pass values on, each reads one key of a step and
/// the others get it by a vector shuffle: measured on lavapipe 22.3, 8 heads of 64, 4096 queries, 256 keys, one
/// core: 2.4 GFLOP/s without, 13 with one query per lane, 21 with two, no more with four.
AttentionTuning cpuTuning(const AttentionDesc& desc, const DeviceProfile& device) {
    AttentionTuning tuning;
    const uint32_t channels = std::max(desc.headDim, desc.valueDim);
    tuning.laneBroadcast = usesLaneBroadcast(device);
    tuning.lanes = tuning.keysPerStep = tuning.laneBroadcast ? device.subgroupSize : 8;
    // The steps are unrolled. Their code, and a CPU driver's time to compile it (1.2 s for two queries of 64 channels),
    // grows with channels and queries: wide heads and small products make do with one.
    const double flops = 2.0 * desc.batch * desc.heads * desc.queries * desc.keys * (desc.headDim + desc.valueDim);
    if (!tuning.laneBroadcast && channels > 128)
        tuning.keysPerStep = 4;
    if (tuning.laneBroadcast && channels <= 64 && desc.queries > tuning.lanes && flops >= 2e8)
        tuning.queriesPerLane = 2;
    // All pairs of a step share each weight of the exact bias: 31 GFLOP/s with 16 pairs, 27 with 8, 19 with 4.
    tuning.mlpPairs = tuning.laneBroadcast ? tuning.queriesPerLane * tuning.keysPerStep : 4;
    return tuning;
}

/// Channels are split until a lane holds 16 or so of them, two queries per lane share each key read from shared memory.
AttentionTuning gpuTuning(const AttentionDesc& desc, const DeviceProfile& device) {
    AttentionTuning tuning;
    tuning.lanes = 64;
    const uint32_t widest = vectors(std::max(desc.headDim, desc.valueDim));
    tuning.lanesPerQuery = widest > 16 ? 8 : widest > 4 ? 4 : 1;
    tuning.queriesPerLane = desc.queries >= 32 && widest <= 32 ? 2 : 1;
    tuning.keysPerStep = 8;
    tuning.mlpPairs = 1;
    while (tuning.mlpPairs < 4 &&
           tuning.queriesPerLane * tuning.keysPerStep / tuning.lanesPerQuery % (tuning.mlpPairs * 2) == 0)
        tuning.mlpPairs *= 2;
    const uint32_t limit = std::min(device.maxComputeSharedMemorySize, 16384u);
    const uint32_t room =
        (limit - tuning.sharedBytes(desc)) / stagedKeyBytes(desc) / tuning.keysPerStep * tuning.keysPerStep;
    tuning.stagedKeys = std::min(room, 32u);
    return tuning;
}

} // namespace

uint32_t AttentionTuning::sharedBytes(const AttentionDesc& desc) const {
    const uint32_t exchange =
        lanesPerQuery > 1 ? 4 * queriesPerLane * keysPerStep * (lanes + 1 + lanes / lanesPerQuery) : 8;
    return exchange + (stagedKeys ? stagedKeys * stagedKeyBytes(desc) : 16);
}

bool usesLaneBroadcast(const DeviceProfile& device) {
    return device.isCpu() && device.hasSubgroup(VK_SUBGROUP_FEATURE_SHUFFLE_BIT) &&
           (device.subgroupSize == 4 || device.subgroupSize == 8);
}

AttentionTuning attentionTuning(const AttentionDesc& desc, const DeviceProfile& device) {
    AttentionTuning tuning = device.isCpu() ? cpuTuning(desc, device) : gpuTuning(desc, device);
    const uint64_t groups = uint64_t{divideUp(desc.queries, tuning.queriesPerGroup())} * desc.heads * desc.batch;
    const uint64_t wanted = device.isCpu() ? cpuGroups : gpuGroups;
    // A part should keep enough keys to be worth its share of the merge.
    const uint32_t most = std::max(1u, desc.keys / (tuning.keysPerStep * 8));
    if (groups < wanted)
        tuning.parts = static_cast<uint32_t>(std::min<uint64_t>({divideUp(wanted, groups), most, 64}));
    return tuning;
}

} // namespace saccade
