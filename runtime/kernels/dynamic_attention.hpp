// Dynamic sparse attention: each query chooses its keys by their scores, the k highest or those near the highest.
//
// Two dispatches, neither of which stores scores. The first walks the keys and finds the least score that each query
// keeps; the second walks them again and takes the softmax over the kept ones, reading no other values. The cost is
// that of the scores, twice for a threshold or k <= 32, and 3 to 8 times for a greater k, whose score is found five
// bits at a time, plus that of the kept values.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/attention.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

enum class KeySelection : uint8_t {
    topK,     ///< keys whose score is at least the k-th highest; all keys that tie with it are kept
    threshold ///< keys whose score is at least the highest less `threshold`
};

/// score = scale * q . k, in float32 from stored q and k; out = softmax(scores kept) v.
/// A NaN among the scores of a query makes its row of the output NaN. So does an infinite maximum, whose softmax is NaN
/// in PyTorch too. A NaN or infinity among the values reaches the queries that keep its key and no others.
///
/// Operands: 0 q, 1 k, 2 v, 3 out, all of the storage type.
struct DynamicAttentionDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1;
    uint32_t heads = 1;
    uint32_t tokens = 1;   ///< queries and keys
    uint32_t headDim = 64; ///< 1..256
    float scale = 1;
    AttentionView q, k, v, out;
    KeySelection select = KeySelection::topK;
    uint32_t topK = 1;   ///< k, at least 1; all keys are kept where it reaches `tokens`
    float threshold = 0; ///< >= 0
};

/// Throws Error for a size out of range, or for more tokens, heads or batch than the device dispatches.
Kernel dynamicAttention(const DynamicAttentionDesc& desc, const DeviceProfile& device);

} // namespace saccade
