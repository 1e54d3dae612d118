// SPDX-License-Identifier: Apache-2.0
// How gemm.comp is tiled for a device and a shape: the one place where its tile sizes are chosen.
#pragma once

#include <cstdint>

#include "base/device_profile.hpp"

namespace saccade {

/// A workgroup of threadsM x threadsN threads computes a tile of rowsPerGroup x columnsPerGroup.
struct GemmTuning {
    uint32_t threadsM = 8;
    uint32_t threadsN = 16;
    uint32_t quadsM = 2; ///< rows per thread / 4
    uint32_t quadsN = 1; ///< columns per thread / 4
    bool staged = true;  ///< operands pass through shared memory; otherwise each thread reads its own
    uint32_t stepK = 16; ///< k per shared-memory slice, a multiple of 4

    uint32_t rowsPerGroup() const { return threadsM * quadsM * 4; }
    uint32_t columnsPerGroup() const { return threadsN * quadsN * 4; }
    /// As gemm.comp declares its shared memory.
    uint32_t sharedBytes() const { return staged ? 16 * stepK * (threadsM * quadsM + 1 + threadsN * quadsN) : 32; }
};

/// What the tiling depends on.
struct GemmShape {
    uint32_t rows = 0;    ///< per batch entry
    uint32_t columns = 0; ///< of the weight, per group
    uint64_t planes = 1;  ///< batch * groups
    uint64_t flops = 0;   ///< of the whole product
    bool simple = true;   ///< all loads and stores are vec4 and no residual is read: little code besides the product
};

/// Needs no more than 128 invocations and 16 KiB of shared memory, which every device has.
GemmTuning gemmTuning(const DeviceProfile& profile, const GemmShape& shape);

} // namespace saccade
