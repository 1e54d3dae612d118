// SPDX-License-Identifier: Apache-2.0
// Maps of another size: pooling, interpolation and padding, with the arithmetic of the functions of
// torch.nn.functional of these names.
//
// A map is a view whose last four axes are batch, row, column and channel; it is fastest where channels lie side by
// side, which nothing asks for.
#pragma once

#include <array>
#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"
#include "kernels/views.hpp"

namespace saccade {

/// Numbered as in shaders/pool2d.comp.
enum class PoolKind : uint32_t { max, average };

/// Operands: 0 source, 1 result, both of the storage type.
struct Pool2dDesc {
    DataType storage = DataType::f32; ///< f32 or f16
    PoolKind kind = PoolKind::max;
    uint32_t batch = 1, channels = 1;
    Pair sourceSize{1, 1}, resultSize{1, 1};
    Pair kernel{1, 1}, stride{1, 1};
    Pair padding{0, 0};          ///< at most half of the kernel
    bool countIncludePad = true; ///< an average divides by what of the window lies in the padded map, else in the map
    StridedView source, result;
};

/// One dispatch. Throws SAC_ERROR_INTERNAL for a description no module may build, such as a window outside of the map;
/// SAC_ERROR_UNSUPPORTED where the device's dispatch limits do not reach. As do the functions below.
Kernel pool2dKernel(const Pool2dDesc& desc, const DeviceProfile& device);

/// Operands: 0 source, 1 result, both of the storage type.
struct Interpolate2dDesc {
    DataType storage = DataType::f32; ///< f32 or f16
    bool bilinear = false;            ///< else nearest
    bool alignCorners = false;        ///< of bilinear
    uint32_t batch = 1, channels = 1;
    Pair sourceSize{1, 1}, resultSize{1, 1};
    /// Of rows and columns, where the size was given as factors: they, rather than the ratio of the sizes, say which
    /// place a pixel comes from. 0: the ratio does.
    std::array<double, 2> scaleFactor{0, 0};
    StridedView source, result;
};

Kernel interpolate2dKernel(const Interpolate2dDesc& desc, const DeviceProfile& device);

/// Numbered as in shaders/pad.comp.
enum class PadMode : uint32_t { constant, replicate, reflect, circular };

/// Element i of an axis of the result is element i - before of the source. Operands: 0 source, 1 result, both of the
/// storage type.
struct PadDesc {
    DataType storage = DataType::f32; ///< f32 or f16
    PadMode mode = PadMode::constant;
    float value = 0; ///< of the constant
    Extents sourceSize{1, 1, 1, 1, 1, 1}, resultSize{1, 1, 1, 1, 1, 1};
    Extents before{}; ///< before + sourceSize is at most resultSize. Reflect pads less than the axis has, circular at
                      ///< most as much
    StridedView source, result;
};

/// The same for any batch.
Kernel padKernel(const PadDesc& desc, const DeviceProfile& device);

} // namespace saccade
