// torch.nn.functional.grid_sample over channels-last tokens, in one to three dimensions.
#pragma once

#include <array>
#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"
#include "kernels/matrix_layout.hpp"

namespace saccade {

/// Numbered as in shaders/sampling.glsl.
enum class SampleMode : uint32_t {
    bilinear, ///< linear in 1D, trilinear in 3D
    nearest,  ///< ties to even, as nearbyint
    bicubic   ///< in two dimensions only; a = -0.75
};
enum class SamplePadding : uint32_t { zeros, border, reflection };

/// Operands: 0 input (batch, size..., channels) of the storage type; 1 grid, f32 (batch * groups, points, dims), its
/// last axis (x[, y[, z]]) in [-1, 1]; 2 output (batch, points, channels) of the storage type.
/// Channels are cut into `groups` equal parts, each with a grid of its own: what upstream's view of (b, channels, *S)
/// as (b * groups, channels / groups, *S) comes to.
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
    MatrixLayout input; ///< of tokens, never channel-major: input and output may be slices of wider tokens
    MatrixLayout output;
};

/// One dispatch; groups[2] = batch. Throws SAC_ERROR_INTERNAL for a description no module may build (a size of 0 or
/// beyond 2^24, bicubic outside of 2D, a channel-major layout), SAC_ERROR_UNSUPPORTED where the device's dispatch
/// limits do not reach.
Kernel gridSample(const GridSampleDesc& desc, const DeviceProfile& profile);

} // namespace saccade
