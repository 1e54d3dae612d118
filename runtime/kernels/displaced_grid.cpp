#include "kernels/displaced_grid.hpp"

#include "kernels/flat_grid.hpp"
#include "parameters/displaced_grid.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

Kernel displacedGrid(const DisplacedGridDesc& desc, const DeviceProfile& device) {
    const uint64_t places = uint64_t{desc.heads} * desc.height * desc.width;
    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::displacedGridF16 : Shader::displacedGrid;
    dispatch.constants = {lanes, desc.swapped};
    dispatch.parameters.set(DisplacedGridParameters{desc.heads, desc.width, desc.height});
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    dispatch.groups = flatGrid("displaced grid", places, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 8 * desc.batch * places;
    return kernel;
}

} // namespace saccade
