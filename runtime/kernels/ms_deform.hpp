// Multi-scale deformable sampling (Zhu et al., arXiv 2010.04159, equation 3 between its projections).
#pragma once

#include <array>
#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "base/fixed_vector.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

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
