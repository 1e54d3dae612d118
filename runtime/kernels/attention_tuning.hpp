// SPDX-License-Identifier: Apache-2.0
// How attention is tiled for a device: measured choices, gathered here and made from its profile alone.
#pragma once

#include "kernels/attention.hpp"

namespace saccade {

struct AttentionTuning {
    uint32_t lanes = 64; ///< invocations per workgroup
    uint32_t queriesPerLane = 1;
    uint32_t lanesPerQuery = 1; ///< that share its channels; divides lanes and keysPerStep
    uint32_t keysPerStep = 8;   ///< keys per step of the running softmax
    uint32_t stagedKeys = 0;    ///< keys per tile in shared memory, a multiple of keysPerStep; 0: none
    uint32_t parts = 1;         ///< workgroups that share the keys of one tile of queries
    bool laneBroadcast = false; ///< a workgroup is one subgroup, keysPerStep its size; lanes hand each other their keys
    uint32_t mlpPairs = 4;      ///< divides queriesPerLane * keysPerStep / lanesPerQuery

    uint32_t queriesPerGroup() const { return lanes / lanesPerQuery * queriesPerLane; }
    /// As the shaders declare their shared memory.
    uint32_t sharedBytes(const AttentionDesc& desc) const;
};

/// Whether LANE_BROADCAST variants run on the device, and are worth it: a workgroup is then one subgroup whose lanes
/// hand each other what they read.
bool usesLaneBroadcast(const DeviceProfile& device);

AttentionTuning attentionTuning(const AttentionDesc& desc, const DeviceProfile& device);

} // namespace saccade
