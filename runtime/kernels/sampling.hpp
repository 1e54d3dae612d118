// SPDX-License-Identifier: Apache-2.0
// Sampling of feature maps between their tokens: torch.nn.functional.grid_sample, grids for it that move every pixel by
// an offset, and multi-scale deformable sampling (Zhu et al., arXiv 2010.04159, equation 3 between its projections).
#pragma once

#include <array>
#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "base/fixed_vector.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Numbered as in shaders/sampling.glsl.
enum class SampleMode : uint32_t {
    bilinear, ///< linear in 1D, trilinear in 3D
    nearest,  ///< ties to even, as nearbyint
    bicubic   ///< in two dimensions only; a = -0.75
};
enum class SamplePadding : uint32_t { zeros, border, reflection };

/// Operands: 0 input (batch, size..., channels), or channels before the sizes, of the storage type; 1 grid, f32 (batch
/// * groups, points, dims), its last axis (x[, y[, z]]) in [-1, 1]; 2 output (batch, points, channels) of the storage
/// type. Channels are cut into `groups` equal parts, each with a grid of its own: what upstream's view of (b, channels,
/// *S) as (b * groups, channels / groups, *S) comes to.
///
/// A NaN coordinate samples outside with padding zeros and the first pixel with the others, an infinite one as a large
/// one. Whatever the grid holds, nothing is read outside of the input.
struct GridSampleDesc {
    DataType storage = DataType::f32;
    uint32_t dims = 2; ///< 1..3
    SampleMode mode = SampleMode::bilinear;
    SamplePadding padding = SamplePadding::zeros;
    bool alignCorners = false;
    uint32_t batch = 1;
    uint32_t groups = 1;
    uint32_t channels = 1;                 ///< of all groups
    uint32_t points = 1;                   ///< per batch entry and group
    std::array<uint32_t, 3> size{1, 1, 1}; ///< of the input in PyTorch's order: (w), (h, w) or (d, h, w); 1 beyond
    MatrixLayout input;                    ///< input and output may be slices of wider tokens
    MatrixLayout output;
};

/// One dispatch; groups[2] = batch. Throws SAC_ERROR_INTERNAL for a description no module may build (a size of 0 or
/// beyond 2^24, bicubic outside of 2D), SAC_ERROR_UNSUPPORTED where the device's dispatch
/// limits do not reach.
Kernel gridSample(const GridSampleDesc& desc, const DeviceProfile& profile);

/// grid[b, h, row, column] = 2 * (column + dx, row + dy) / (max(width - 1, 1), max(height - 1, 1)) - 1, which is the
/// place where alignCorners samples. Swapped: (row + dx, column + dy), divided as before.
///
/// Operands: 0 offsets (batch, 2 * heads, height, width) of the storage type, in pixels: dx of every head, then dy of
/// every head; 1 grid, f32 (batch * heads, height, width, 2).
struct DisplacedGridDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1;
    uint32_t heads = 1;
    uint32_t height = 1;
    uint32_t width = 1;
    bool swapped = false;
};

/// Throws SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel displacedGrid(const DisplacedGridDesc& desc, const DeviceProfile& device);

/// What the push constants of one dispatch hold.
constexpr uint32_t maxSampledLevels = 24;
/// Of a level's width and height.
constexpr uint32_t maxLevelSize = 65535;

/// result[b, q, h] = sum over levels l and points p of softmax(logits[b, q, h])[l, p] * bilinear(value_l[b, :, h], at),
/// zeros outside, pixel = at * size - 0.5, where `at`, in [0, 1] within the level, is
///   reference + offset / (width, height), or with boxes
///   reference.xy + offset / points * reference.zw * 0.5.
///
/// Operands: 0 value (batch, tokens, heads * headDim), 1 offsets (batch, queries, heads, levels, points, 2) as (x, y),
/// 2 logits (batch, queries, heads, levels, points), 3 references, f32 (batch, queries, levels, 2 or 4), 4 result
/// (batch, queries, heads * headDim), 5 `at`, f32, of the offsets' shape, if `locations`, 6 bytes (batch, tokens) if
/// `padded`: where non-zero, the value is overwritten with zeros first. 0, 1, 2 and 4 have the storage type.
struct MSDeformDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1;
    uint32_t queries = 1;
    uint32_t heads = 1;
    uint32_t headDim = 1;
    uint32_t points = 1; ///< per level
    /// (height, width), 1..maxLevelSize each. Tokens are the levels' pixels one after another, rows first.
    FixedVector<std::array<uint32_t, 2>, maxSampledLevels> levels;
    bool boxes = false;
    bool locations = false;
    bool padded = false;
};

/// Throws SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel msDeform(const MSDeformDesc& desc, const DeviceProfile& device);

} // namespace saccade
