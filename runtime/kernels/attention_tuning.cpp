#include "kernels/attention_tuning.hpp"

#include <algorithm>

namespace saccade {
namespace {

/// Workgroups below which a device is thought to idle.
constexpr uint32_t cpuGroups = 16;
constexpr uint32_t gpuGroups = 128;

uint32_t vectors(uint32_t channels) { return divideUp(channels, 4); }

/// Lanes are queries, a vector of the CPU each; keys and values are read in place at one address for all lanes.
AttentionTuning cpuTuning(const AttentionDesc& desc) {
    AttentionTuning tuning;
    tuning.lanes = 8;
    // Steps are unrolled: wide heads take fewer keys to keep the code, and its compilation, in bounds.
    const uint32_t channels = std::max(desc.headDim, desc.valueDim);
    tuning.keysPerStep = channels > 128 ? 4 : 8;
    tuning.mlpPairs = 4;
    return tuning;
}

/// Channels are split until a lane holds 16 or so of them, two queries per lane share each key read from shared memory.
AttentionTuning gpuTuning(const AttentionDesc& desc, const Capabilities& device) {
    AttentionTuning tuning;
    tuning.lanes = 64;
    const uint32_t widest = vectors(std::max(desc.headDim, desc.valueDim));
    tuning.split = widest > 16 ? 8 : widest > 4 ? 4 : 1;
    tuning.rows = desc.queries >= 32 && widest <= 32 ? 2 : 1;
    tuning.keysPerStep = 8;
    tuning.mlpPairs = 1;
    while (tuning.mlpPairs < 4 && tuning.rows * tuning.keysPerStep / tuning.split % (tuning.mlpPairs * 2) == 0)
        tuning.mlpPairs *= 2;
    const uint32_t limit = std::min(device.maxSharedMemory, 16384u);
    const uint32_t exchange =
        tuning.split > 1 ? 4 * tuning.rows * tuning.keysPerStep * (tuning.lanes + 1 + tuning.lanes / tuning.split) : 0;
    const uint32_t keyBytes = 16 * (vectors(desc.headDim) + vectors(desc.valueDim) + 1);
    const uint32_t room = (limit - exchange) / keyBytes / tuning.keysPerStep * tuning.keysPerStep;
    tuning.stagedKeys = std::min(room, 32u);
    return tuning;
}

} // namespace

AttentionTuning attentionTuning(const AttentionDesc& desc, const Capabilities& device) {
    AttentionTuning tuning = device.isCpu ? cpuTuning(desc) : gpuTuning(desc, device);
    const uint64_t groups = uint64_t{divideUp(desc.queries, tuning.queriesPerGroup())} * desc.heads * desc.batch;
    const uint64_t wanted = device.isCpu ? cpuGroups : gpuGroups;
    // A part should keep enough keys to be worth its share of the merge.
    const uint32_t most = std::max(1u, desc.keys / (tuning.keysPerStep * 8));
    if (groups < wanted)
        tuning.parts = static_cast<uint32_t>(std::min<uint64_t>({divideUp(wanted, groups), most, 64}));
    return tuning;
}

} // namespace saccade
