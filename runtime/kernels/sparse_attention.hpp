// SPDX-License-Identifier: Apache-2.0
// Sparse attentions with kernels of their own; neither stores the score matrix.
//
// Local: each query sees a window of keys around it, on a grid of one to three axes. It costs what it visits.
//
// Dynamic: each query chooses its keys by their scores, the k highest or those near the highest. Two dispatches: the
// first walks the keys and finds the least score that each query keeps; the second walks them again and takes the
// softmax over the kept ones, reading no other values. The cost is that of the scores, twice for a threshold or k <=
// 32, and 3 to 8 times for a greater k, whose score is found five bits at a time, plus that of the kept values.
#pragma once

#include <array>
#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/attention.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Where a window reaches beyond the map.
enum class WindowBorder : uint8_t {
    cut,          ///< what lies outside is not seen
    neighborhood, ///< the window moves inwards: all queries see as many keys (NATTEN, arXiv 2204.07143, 2209.15001)
};

/// Operands: 0 q, 1 k, 2 v, 3 out, all of the storage type, at the views given. A token's index counts through the
/// grid, width fastest. Arrays are (depth, height, width); leading ones are 1 in fewer dimensions.
///
/// Along an axis, query i sees keys of its class modulo the dilation. With r = (window - 1) / 2, those are i + dilation
/// * t, t from -r to r, that lie inside; or with `neighborhood`, where i is at place p of the m positions of its class,
/// the `window` places from clamp(p - r, 0, m - window) on. A key is seen if it is seen along every axis.
struct LocalAttentionDesc {
    bool half = false;
    uint32_t batch = 1;
    uint32_t heads = 1;
    uint32_t headDim = 64; ///< channels of a head, 1..256
    float scale = 1;       ///< score = scale * q . k
    AttentionView q, k, v, out;
    std::array<uint32_t, 3> size{1, 1, 1};
    std::array<uint32_t, 3> window{1, 1, 1};   ///< odd
    std::array<uint32_t, 3> dilation{1, 1, 1}; ///< at least 1
    WindowBorder border = WindowBorder::cut;

    uint32_t tokens() const { return size[0] * size[1] * size[2]; }
};

/// Positions of the smallest class along an axis: with `neighborhood` the window may not be wider.
uint32_t smallestClass(uint32_t size, uint32_t dilation);

/// One dispatch; groups[2] = batch * heads. Throws SAC_ERROR_INTERNAL for a description no module may build.
Kernel localAttentionKernel(const LocalAttentionDesc& desc, const DeviceProfile& device);

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
