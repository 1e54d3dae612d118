// SPDX-License-Identifier: Apache-2.0
// What every operator comes down to: a short list of compute dispatches over numbered operands.
//
// An operator's file turns its description into a Kernel. Operands are numbered by the operator (0, 1, ... in the order
// its header states); operands from `operandCount` on are scratch that only this kernel's dispatches see. The graph
// gives each operand a place in memory, orders the dispatches and puts barriers between them; the kernel knows neither
// memory nor order of other kernels.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/device_profile.hpp"
#include "base/error.hpp"
#include "base/fixed_vector.hpp"
#include "parameters/block.h"
#include "shaders.hpp" // generated from shaders/variants.txt: enum class Shader

namespace saccade {

constexpr uint32_t maxOperandBindings = 12;
constexpr uint32_t maxBindings = maxOperandBindings + 1; ///< with the parameters
constexpr uint32_t maxConstants = 16;

/// What a binding of a shader is. Sampled images are read without a sampler (texelFetch).
enum class BindingKind : uint8_t { storageBuffer, uniformBuffer, sampledImage, storageImage };
constexpr uint32_t bindingKindCount = 4;

/// How a dispatch uses a buffer or image.
enum class Access : uint8_t { read, write, readWrite };

/// Binding i of a dispatch, in descriptor set 0.
struct OperandUse {
    uint8_t operand = 0;
    Access access = Access::read;
    BindingKind kind = BindingKind::storageBuffer;

    friend bool operator==(const OperandUse&, const OperandUse&) = default;
};

/// What a dispatch reads besides its operands: a block of shaders/parameters/, bound behind them as a uniform buffer.
/// Whatever depends on shapes is here and not in specialization constants, so that plans of other shapes share
/// pipelines.
struct Parameters {
    alignas(16) std::array<std::byte, 400> bytes{};
    uint32_t size = 0; ///< a multiple of 16, as std140 has it; zeros behind the last member

    template <class Block>
    void set(const Block& block) {
        static_assert(std::is_trivially_copyable_v<Block> && sizeof(Block) <= sizeof(bytes) && sizeof(Block) % 4 == 0);
        std::memcpy(bytes.data(), &block, sizeof(Block));
        size = (sizeof(Block) + 15) / 16 * 16;
    }
};

// What blocks are made of.
constexpr uvec4 vector4(const std::array<uint32_t, 3>& v) { return {v[0], v[1], v[2], 0}; }
constexpr uvec4 vector4(const std::array<uint32_t, 4>& v) { return {v[0], v[1], v[2], v[3]}; }
constexpr vec4 vector4(const std::array<float, 3>& v) { return {v[0], v[1], v[2], 0}; }
constexpr vec4 vector4(const std::array<float, 4>& v) { return {v[0], v[1], v[2], v[3]}; }
constexpr int32_t int32(uint32_t n) { return static_cast<int32_t>(n); }

/// One compute dispatch. groups[2] is batch-major (batch * k), so that a smaller batch is recorded by scaling it.
struct Dispatch {
    Shader shader{};
    FixedVector<uint32_t, maxConstants> constants; ///< specialization constants by constant_id: what shapes the code;
                                                   ///< 0 is the workgroup's invocations
    uint32_t sharedBytes = 0;                      ///< shared memory of a workgroup, as the shader declares it
    Parameters parameters;
    FixedVector<OperandUse, maxOperandBindings> bindings;
    std::array<uint32_t, 3> groups{1, 1, 1};
};

/// The lowered form of one operator.
struct Kernel {
    uint32_t operandCount = 0;             ///< operands the operator declares; higher numbers are scratch
    FixedVector<uint64_t, 4> scratchBytes; ///< size of scratch operand operandCount + i
    FixedVector<Dispatch, 4> dispatches;   ///< in order; each may read what earlier ones wrote
    uint64_t flops = 0;                    ///< arithmetic of the operator, counted from its definition
    bool batched = true;                   ///< groups[2] scales with the batch; false: the same work for any batch
};

/// n / d rounded up: workgroups for n items. Throws SAC_ERROR_UNSUPPORTED for 2^32 or more, which no dispatch counts.
inline uint32_t divideUp(uint64_t n, uint64_t d) {
    const uint64_t quotient = n / d + (n % d != 0);
    if (quotient > UINT32_MAX)
        throw Error(SAC_ERROR_UNSUPPORTED, "%llu items in groups of %llu are 2^32 groups or more", wide(n), wide(d));
    return static_cast<uint32_t>(quotient);
}

/// The next multiple of four: what weights that are read four numbers at a time are padded to.
constexpr uint32_t roundUp4(uint32_t n) { return (n + 3) & ~3u; }

/// Workgroups for items that have one flat index: x first, then y where x does not reach. `z` is the batch. Shaders
/// find their item as shaders/flat_index.glsl does. Throws SAC_ERROR_UNSUPPORTED, naming `kernel`, for more items than
/// 31 bits can number.
inline std::array<uint32_t, 3> flatGrid(const char* kernel, uint64_t items, uint32_t lanes, uint32_t z,
                                        const DeviceProfile& profile) {
    if (items > INT32_MAX)
        throw Error(SAC_ERROR_UNSUPPORTED, "%s: %llu items exceed 2^31", kernel, wide(items));
    const uint32_t count = divideUp(items, lanes);
    const uint32_t x = std::min(count, profile.maxComputeWorkGroupCount[0]);
    return {x, divideUp(count, x), z};
}

/// Where element (batch, token, channel) of an activation lies in its tensor. All in elements; a stride or batch
/// stride of 0 means densely packed.
struct MatrixLayout {
    bool channelMajor = false; ///< false: tokens (b, m, channel); true: PyTorch's NCHW (b, channel, m)
    uint32_t offset = 0;       ///< elements before (b, m, channel) = (0, 0, 0)
    uint32_t stride = 0;       ///< elements from one token to the next; channel-major: from one channel to the next
    uint32_t batchStride = 0;  ///< elements from one batch entry to the next

    /// With the strides that were left to mean densely packed filled in.
    MatrixLayout resolved(uint32_t tokens, uint32_t channels) const {
        MatrixLayout out = *this;
        if (!out.stride)
            out.stride = channelMajor ? tokens : channels;
        if (!out.batchStride)
            out.batchStride = out.stride * (channelMajor ? channels : tokens);
        return out;
    }

    /// Of a resolved one: whether four neighbours along the contiguous axis always share an aligned vector of four.
    /// Tokens-major needs each group's first channel aligned too, and nothing may be left over at the end of a line.
    bool fourWide(uint32_t tokens, uint32_t channelsPerGroup) const {
        return ((channelMajor ? tokens : channelsPerGroup) | offset | stride | batchStride) % 4 == 0;
    }
};

} // namespace saccade
