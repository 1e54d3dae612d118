// SPDX-License-Identifier: Apache-2.0
// The offset network of deformable attention (Xia et al., arXiv 2201.00520), from queries to key positions in one
// kernel: depthwise strided convolution -> GELU -> 1x1 convolution -> tanh -> scale -> + index grid -> normalise.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// What the sampler reads, where it is not the key positions themselves. Numbered as in shaders/offset_network.comp.
enum class SamplingGrid : uint32_t {
    none,     ///< nothing to write: it reads the key positions
    reversed, ///< their channels in reverse order: (frame, height, width) as (x, y, z)
    column    ///< 1D features as an image of width 1, sampled at (position, 0)
};

/// Operands: 0 queries (batch, n, groups * channels) of the storage type, 1 packed weights (f32), 2 key positions, f32
/// (batch * groups, keys, dims), normalised; then, as far as asked for: the sampling grid, f32 (batch * groups, keys,
/// dims, or 2 for a column); vgrid, f32 (batch * groups, dims, keys), positions in downsampled pixels.
/// Channels of a position: 1D (position), 2D (x, y), 3D (frame, height, width). Arrays per axis are in the order of
/// PyTorch's shape, arrays per channel in the order of the channels.
struct OffsetNetworkDesc {
    DataType storage = DataType::f32;
    uint32_t dims = 2;
    uint32_t batch = 1;
    uint32_t groups = 1;                   ///< offset groups; all use the same weights
    uint32_t channels = 1;                 ///< of one group
    std::array<uint32_t, 3> size{1, 1, 1}; ///< of the queries; that of the keys is offsetGridSize
    std::array<uint32_t, 3> kernel{1, 1, 1};
    std::array<uint32_t, 3> stride{1, 1, 1};
    std::array<uint32_t, 3> padding{0, 0, 0};
    std::array<float, 3> scale{1, 1, 1}; ///< per channel
    /// Per channel: normalised = 2 * position / divisor - 1; see positionDivisors.
    std::array<float, 3> divisor{1, 1, 1};
    SamplingGrid samplingGrid = SamplingGrid::none;
    bool vgrid = false;
};

/// Sizes of the grid of keys, floor((size + 2 * padding - kernel) / stride) + 1; 1 beyond `dims`. An axis that the
/// kernel does not fit into gives 0.
std::array<uint32_t, 3> offsetGridSize(const OffsetNetworkDesc& desc);

/// The number of keys: product of offsetGridSize.
uint32_t offsetPositions(const OffsetNetworkDesc& desc);

/// What positions on a grid of `size` are divided by, per channel: max(extent - 1, 1). Upstream's 2D divides x by the
/// height and y by the width; `xyz` has them the right way round. The queries' grid is normalised by the same rule.
std::array<float, 3> positionDivisors(uint32_t dims, const std::array<uint32_t, 3>& size, bool xyz);

/// One dispatch; groups[2] = batch * groups. Throws SAC_ERROR_INTERNAL for a description no module may build (a size of
/// 0, a kernel that does not fit), SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel offsetNetwork(const OffsetNetworkDesc& desc, const DeviceProfile& profile);

/// Floats of the packed weights, a multiple of 4. Depends on channels, dims and the product of the kernel's sizes
/// alone, as packOffsetNetwork does.
uint64_t offsetNetworkWeightElements(const OffsetNetworkDesc& desc);

/// Lays out PyTorch's weights, row-major: to_offsets.0.weight (channels, 1, *kernel), to_offsets.0.bias (channels) and
/// to_offsets.2.weight (dims, channels, 1...). Packed are rows of all channels, padded with zeros to a multiple of 4:
/// one per tap of the kernel, the bias, one per pointwise output. packed.size() is offsetNetworkWeightElements(desc).
void packOffsetNetwork(const OffsetNetworkDesc& desc, std::span<const float> depthwise, std::span<const float> bias,
                       std::span<const float> pointwise, std::span<float> packed);

} // namespace saccade
