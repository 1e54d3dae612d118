// SPDX-License-Identifier: Apache-2.0
// Block layouts of DeepSpeed's VariableSparsityConfig, which DALL-E's SparseAttention takes as input "layout".
#pragma once

#include <cstdint>
#include <span>

namespace saccade {

/// The arguments of VariableSparsityConfig that DALLE-pytorch sets. Valid: heads, blocks and windows at least 1, at
/// least one window, randomBlocks <= blocks.
struct VariableLayout {
    uint32_t heads = 1;
    uint32_t blocks = 1;               ///< of queries, and of keys
    uint32_t randomBlocks = 0;         ///< columns per row
    std::span<const uint32_t> windows; ///< sizes in blocks; the last one repeats
    std::span<const uint32_t> globals; ///< columns; those beyond the layout are ignored
    bool causal = false;
    bool differentPerHead = false;
    uint64_t seed = 0;
};

/// Writes (heads, blocks, blocks) bytes of 0 and 1 by the rules of sacBuildVariableLayout.
void buildVariableLayout(const VariableLayout& description, std::span<uint8_t> layout);

} // namespace saccade
