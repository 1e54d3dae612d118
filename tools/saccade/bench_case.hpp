// SPDX-License-Identifier: Apache-2.0
// What `saccade bench` measures: layers with random weights, made in memory.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "host/tensor.hpp"

namespace saccade::cli {

struct BenchCase {
    std::string name;      ///< "2d"
    std::string module;    ///< "DeformableAttention2D"
    nlohmann::json config; ///< the constructor's arguments
    host::TensorMap weights;
    host::TensorMap inputs;
    uint64_t queries = 0; ///< where cost is to be seen against them, as are keys
    uint64_t keys = 0;

    /// The model file that the case stands for.
    std::vector<std::byte> modelFile() const;
};

/// The README example of upstream's deformable-attention in `dims` dimensions: dim 128 over 512 tokens, dim 512 over
/// 64x64, dim 512 over 10x32x32.
BenchCase deformableCase(uint32_t dims);

/// The two-dimensional example over size x size.
BenchCase deformableCase2d(uint64_t size);

/// Phenaki's transformer of depth 6, dim 512, 8 heads, over 1024 tokens; DALL-E's attentions, dense and of each sparse
/// kind, over 256 text tokens and 1024 and 4096 image tokens; a map of 64x64, dense and with a window of 7x7; 4096
/// tokens that keep their best 32 or 512 keys, or those within 0.5 of the best.
std::vector<BenchCase> relativeCases();

/// For what the CPU does while plans are created and recorded: bilinear sampling, one dispatch and no weights; the
/// 1D and 2D examples; Phenaki's transformer, which has the most dispatches; DALL-E's dense attention.
std::vector<BenchCase> hostCases();

} // namespace saccade::cli
