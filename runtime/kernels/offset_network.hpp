// The offset network of deformable attention (Xia et al., arXiv 2201.00520), from queries to key positions in one kernel:
// depthwise strided convolution -> GELU -> 1x1 convolution -> tanh -> scale -> + index grid -> normalise.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/data_type.hpp"
#include "kernels/kernel.hpp"
#include "vulkan/capabilities.hpp"

namespace saccade {

/// What the sampler reads, where it is not the key positions themselves. Numbered as in shaders/offset_network.comp.
enum class SamplerGrid : uint32_t {
    positions, ///< the key positions as they are
    flipped,   ///< their channels in reverse order: (frame, height, width) as (x, y, z)
    listing    ///< 1D as an image of width 1: (position, 0)
};

/// Operands: 0 queries (batch, n, groups * channels) of the storage type, 1 packed weights (f32), 2 key positions, f32
/// (batch * groups, keys, dims), normalised; then, as far as asked for: the sampler's grid, f32 (batch * groups, keys,
/// dims, or 2 for listing); vgrid, f32 (batch * groups, dims, keys), positions in downsampled pixels.
/// Channels of a position: 1D (position), 2D (x, y), 3D (frame, height, width). Arrays per axis are in the order of
/// PyTorch's shape, arrays per channel in the order of the channels.
struct OffsetNetworkDesc {
    DataType storage = DataType::f32;
    uint32_t dims = 2;
    uint32_t batch = 1;
    uint32_t groups = 1;   ///< offset groups; all use the same weights
    uint32_t channels = 1; ///< of one group
    std::array<uint32_t, 3> querySize{1, 1, 1};
    std::array<uint32_t, 3> keySize{1, 1, 1}; ///< floor((query + 2 * padding - kernel) / stride) + 1
    std::array<uint32_t, 3> kernel{1, 1, 1};
    std::array<uint32_t, 3> stride{1, 1, 1};
    std::array<uint32_t, 3> padding{0, 0, 0};
    std::array<float, 3> scale{1, 1, 1};   ///< per channel
    std::array<float, 3> divisor{1, 1, 1}; ///< per channel: normalised = 2 * position / divisor - 1
    SamplerGrid sampler = SamplerGrid::positions;
    bool vgrid = false;
};

/// One dispatch; groups[2] = batch * groups. Throws SAC_ERROR_INTERNAL for a description no module may build (a size of 0,
/// keySize other than stated above), SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel offsetNetwork(const OffsetNetworkDesc& desc, const Capabilities& capabilities);

/// Floats of the packed weights, a multiple of 4. `taps`: product of the kernel's sizes.
uint64_t offsetWeightElements(uint64_t taps, uint64_t channels, uint64_t dims);

/// Packs to_offsets.0.weight (channels, 1, taps), to_offsets.0.bias and to_offsets.2.weight (dims, channels, 1...) as
/// [tap][channel], [channel], [dim][channel], each row of channels padded with zeros to a multiple of 4.
/// packed.size() is offsetWeightElements().
void packOffsetWeights(std::span<const float> depthwise, std::span<const float> bias, std::span<const float> projection,
                       std::span<float> packed);

} // namespace saccade
