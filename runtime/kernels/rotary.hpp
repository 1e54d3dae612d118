// Rotary position embedding (Su et al., arXiv 2104.09864).
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/attention.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Turns pairs of the first `rotated` channels of every vector and copies the others. With source and result the same
/// tensor and view it works in place.
/// Operands: 0 source, 1 result, both of the storage type; 2 table, f32: angles (positions, rotated), one per channel
/// as rotary_embedding_torch keeps them, or cosines (positions, rotated / 2); 3 sines, if not `angles`; then positions
/// if they are read: int32 or int64 (batch, tokens), or an int32 that the first token's position is (`shifted`).
struct RotaryDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1, heads = 1, tokens = 1;
    uint32_t channels = 1;
    uint32_t rotated = 0; ///< even, at most channels
    AttentionView source, result;
    bool interleaved = true; ///< pairs (2i, 2i + 1); else (i, i + rotated / 2)
    bool angles = true;
    bool readsPositions = false;
    DataType positionType = DataType::i64; ///< i32 or i64
    bool shifted = false;
    int32_t largestShift = INT32_MAX; ///< the number read is clamped to 0 and this
    uint32_t tablePositions = 1; ///< rows of the table of one batch entry; positions beyond the last use the last
    bool tablePerBatch = false;  ///< the table has rows for each batch entry
};

Kernel rotaryKernel(const RotaryDesc& desc, const DeviceProfile& device);

} // namespace saccade
