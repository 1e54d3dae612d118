// Depthwise convolution over channels-last tokens in up to three dimensions, stride 1.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Operands: 0 source (batch, size..., channels), 1 packed weights (f32), 2 result of the source's shape. Arrays are
/// (depth, height, width); leading ones are 1 in fewer dimensions.
struct DepthwiseConvDesc {
    DataType storage = DataType::f32;
    uint32_t batch = 1;
    uint32_t channels = 1;
    std::array<uint32_t, 3> size{1, 1, 1};
    std::array<uint32_t, 3> kernel{1, 1, 1};
    std::array<uint32_t, 3> padding{0, 0, 0}; ///< zeros before the first token; behind the last as many as it takes
    bool addsSource = false;                  ///< result = source + convolution
};

Kernel depthwiseConvKernel(const DepthwiseConvDesc& desc, const DeviceProfile& device);

/// Packs a weight (channels, 1, taps) and its bias (channels) as [tap][channel], [channel]: (taps + 1) * channels
/// floats.
void packDepthwiseConv(std::span<const float> weight, std::span<const float> bias, std::span<float> packed);

} // namespace saccade
