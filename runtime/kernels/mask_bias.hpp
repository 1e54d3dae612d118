// A key mask as a dense bias, for attentions that weigh masked keys instead of hiding them.
#pragma once

#include <cstdint>

#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Operands: 0 bias, f32 (batch, keys); 1 mask, bytes (batch, masked), non-zero = keep, if hasMask.
/// Masked keys, and keys from `masked` on, get `value`; the others 0.
struct MaskBiasDesc {
    uint32_t batch = 1, keys = 1, masked = 1;
    bool hasMask = true;
    float value = 1;
};
Kernel maskBiasKernel(const MaskBiasDesc& desc, const DeviceProfile& device);

} // namespace saccade
