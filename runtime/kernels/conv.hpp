// SPDX-License-Identifier: Apache-2.0
// Convolutions in one, two and three dimensions over maps whose channels lie side by side, and transposed ones, with
// gemm's epilogue. They are matrix products over taps and channels; 1x1 ones are gemm's, depthwise ones have a shader
// of their own.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/activation.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// What stands beyond a map, as torch.nn.Conv2d's padding_mode.
enum class PaddingMode : uint32_t { zeros, replicate, reflect };

/// out[b, o, p] = residual + alpha * act(bias[o] + sum over channels c of o's group and taps t of
///   weight[o, c, t] * input[b, c, p * stride - padding + t * dilation])
/// Transposed, as torch.nn.ConvTranspose2d: input pixel q adds to p = q * stride - padding + t * dilation.
///
/// Operands: 0 input, 1 weight, packed by packConvWeight; 2 bias, f32 (outputs); 3 residual; 4 out. 0, 1, 3 and 4 have
/// the storage type; 2 and 3 are bound only if the description has them. Arrays are (depth, height, width), leading
/// ones 1 in fewer dimensions.
struct ConvDesc {
    using Axes = std::array<uint32_t, 3>;

    DataType storage = DataType::f32; ///< f32 or f16; sums are always f32
    uint32_t batch = 1;
    uint32_t channels = 1; ///< divisible by groups
    uint32_t outputs = 1;  ///< divisible by groups
    uint32_t groups = 1;
    Axes size{1, 1, 1};
    Axes outSize{1, 1, 1};
    Axes kernel{1, 1, 1};
    Axes stride{1, 1, 1};
    Axes padding{0, 0, 0}; ///< before the first pixel; behind the last as much as it takes
    Axes dilation{1, 1, 1};
    PaddingMode paddingMode = PaddingMode::zeros; ///< reflect: the padding is less than the size
    bool transposed = false;                      ///< only with zeros
    MatrixLayout input;       ///< tokens-major; a stride beyond the channels reads a slice of a wider map
    bool inputPadded = false; ///< every pixel may be read up to a multiple of four channels; taken up by one group
    MatrixLayout out;         ///< tokens are the pixels in row-major order
    MatrixLayout residual;    ///< channelMajor is the out's
    bool bias = false;
    bool hasResidual = false;
    Activation activation; ///< of one number: not geglu
    float alpha = 1;
    /// r > 1, in two dimensions: output channel c * r * r + i * r + j of pixel (y, x) goes to channel c of pixel
    /// (y * r + i, x * r + j), as torch.nn.PixelShuffle does. The out and the residual are then of that map.
    uint32_t pixelShuffle = 1;
};

/// One dispatch; groups[2] = batch * groups. Throws SAC_ERROR_INTERNAL for a description no module may build,
/// SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach.
Kernel conv(const ConvDesc& desc, const DeviceProfile& device);

/// Elements of the packed weight. As packConvWeight, it depends on channels, outputs, groups, kernel and transposed.
uint64_t convWeightElements(const ConvDesc& desc);

/// Packs PyTorch's weight, (outputs, channels / groups, *kernel) or, transposed, (channels, outputs / groups, *kernel).
/// Instantiated for float and, as bits, for halves (uint16_t). packed.size() is convWeightElements(desc).
template <class Element>
void packConvWeight(const ConvDesc& desc, std::span<const Element> weight, std::span<Element> packed);

} // namespace saccade
