// How gemm.comp is cut for a device and a shape: the one place where its tile sizes are chosen.
#pragma once

#include <cstdint>

#include "vulkan/capabilities.hpp"

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
};

/// The cut for `rows` x `columns` results per group and batch entry, `planes` = batch * groups of them.
GemmTuning gemmTuning(const Capabilities& capabilities, uint32_t rows, uint32_t columns, uint32_t planes);

} // namespace saccade
