#include "kernels/mask_bias.hpp"

#include "kernels/flat_grid.hpp"
#include "parameters/mask_bias.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

Kernel maskBiasKernel(const MaskBiasDesc& desc, const DeviceProfile& device) {
    Dispatch dispatch;
    dispatch.shader = Shader::maskBias;
    dispatch.constants = {lanes, desc.hasMask};
    dispatch.parameters.set(MaskBiasParameters{desc.keys, desc.masked, desc.value});
    dispatch.bindings = {{0, Access::write}, {desc.hasMask ? uint8_t(1) : uint8_t(0), Access::read}};
    dispatch.groups = flatGrid("mask bias", desc.keys, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = desc.hasMask ? 2 : 1;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
