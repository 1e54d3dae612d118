// SPDX-License-Identifier: Apache-2.0
// Continuous position bias of deformable attention (Swin V2, arXiv 2111.09883): packing of its MLP, the choice of a
// table to stand in for it, and the kernels that fill a table or a dense bias.
//
// The MLP dims -> width -> width -> outputs is evaluated for every pair of query and key, which is most of deformable
// attention's arithmetic, yet for given weights it is a fixed function of one to three bounded coordinates. Between its
// ReLU's kinks it is linear in them, so a table read with linear interpolation is off only around the kinks.
#pragma once

#include <array>
#include <memory_resource>
#include <optional>
#include <span>

#include "base/feedback.hpp"
#include "kernels/attention.hpp"

namespace saccade {

/// `rel_pos_bias.mlp.{0,1}.0` and `rel_pos_bias.mlp.2` as PyTorch keeps them, all row-major f32.
struct PositionBiasWeights {
    uint32_t dims = 2;            ///< 1..3
    uint32_t width = 1;           ///< 1..256
    uint32_t outputs = 1;         ///< heads / groups
    std::span<const float> first; ///< (width, dims)
    std::span<const float> firstBias;
    std::span<const float> second; ///< (width, width)
    std::span<const float> secondBias;
    std::span<const float> last; ///< (outputs, width)
    std::span<const float> lastBias;
};

/// Floats that packPositionBias writes; a multiple of 4.
std::size_t packedPositionBiasSize(uint32_t dims, uint32_t width, uint32_t outputs);

/// Lays weights out as shaders/position_bias.glsl reads them. `packed` has packedPositionBiasSize() floats.
void packPositionBias(const PositionBiasWeights& weights, std::span<float> packed);

/// A table for given weights.
struct BiasTable {
    std::array<uint32_t, 3> size{1, 1, 1};
    std::array<float, 3> origin{0, 0, 0};
    std::array<float, 3> step{1, 1, 1};
    bool quads = false; ///< there is room for the layout that is read faster (PositionBiasDesc::tableQuads)
    double error = 0;   ///< measured rms(table - MLP): what the scores are off by before the softmax
    uint64_t floats() const { return uint64_t{size[0]} * size[1] * size[2] * (quads ? 4 : 1); } ///< per output
};

/// Finds the smallest table (of a ladder of resolutions, equal density on all axes) whose interpolation is off by no
/// more than `tolerance`, measured on the host at points of a low-discrepancy sequence, deterministically; where none
/// within the limit is, the finest; none, where not even the coarsest fits. `low`, `high`: range of the coordinate u
/// per axis. `limit`: bytes for the tables of all outputs. `memory` provides a scratch buffer of some kilobytes;
/// `progress` is asked at each point, null: nobody.
std::optional<BiasTable> chooseBiasTable(const PositionBiasWeights& weights, std::span<const float> low,
                                         std::span<const float> high, double tolerance,
                                         std::pmr::memory_resource* memory, uint64_t limit, Progress* progress);

/// The coordinate of distance p: sign(p) * log(|p| + 1), or p.
float biasCoordinate(float p, bool logDistance);

/// Operations of one evaluation of the MLP, for all heads of a group.
uint64_t positionBiasFlops(const PositionBiasDesc& desc);

/// Fills a table. Operands: 0 packed weights, 1 table, f32 (outputs, size 2, size 1, size 0[, 4 if quads]).
/// Reads dims, headsPerGroup, width and the table's size, origin, step and layout of `desc`.
Kernel biasTableKernel(const PositionBiasDesc& desc, const DeviceProfile& device);

/// Fills the bias of every pair. Operands: 0 packed weights, 1 bias, f32 (batch, heads, queries, keys), 2 positions,
/// f32 (batch * groups, keys, dims), 3 with `queriesGiven` the queries' positions, f32 (queries, dims). Reads
/// everything of `desc` but the table.
Kernel denseBiasKernel(const PositionBiasDesc& desc, uint32_t batch, uint32_t heads, uint32_t queries, uint32_t keys,
                       const DeviceProfile& device);

/// A run of queries that begins and ends at whole rows of biasRowLength(), or at the last query.
struct BiasBlock {
    uint32_t batch = 1, heads = 1;
    uint32_t firstQuery = 0, queries = 1;
    uint32_t keys = 1;
};

/// Whether biasWalkKernel runs on the device: it takes subgroups that ballot and shuffle.
bool biasCanWalk(const DeviceProfile& device);

/// The channel of a position that changes from a query to the next.
uint32_t biasRowChannel(const PositionBiasDesc& desc);

/// Queries next to each other along that channel.
uint32_t biasRowLength(const PositionBiasDesc& desc);

/// The exact bias of every pair of a block, at a twentieth of the network's arithmetic: along a row of queries a ReLU
/// network is piecewise affine, see shaders/position_bias_walk.comp. Operands: 0 packed weights, 1 bias, f32 (batch,
/// heads, keys, queries), 2 positions, f32 (batch * groups, keys, dims). Reads everything of `desc` but the table;
/// not for `queriesGiven`.
Kernel biasWalkKernel(const PositionBiasDesc& desc, const BiasBlock& block, const DeviceProfile& device);

} // namespace saccade
