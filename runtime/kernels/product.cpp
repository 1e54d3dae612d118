#include "kernels/product.hpp"

#include "kernels/flat_grid.hpp"
#include "parameters/product.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

Kernel productKernel(const ProductDesc& desc, const DeviceProfile& device) {
    Dispatch dispatch;
    if (desc.storage == DataType::f32)
        dispatch.shader = Shader::product;
    else
        dispatch.shader = desc.secondType == DataType::f32 ? Shader::productF16ByF32 : Shader::productF16;
    dispatch.constants = {lanes, static_cast<uint32_t>(desc.activation)};
    dispatch.parameters.set(ProductParameters{desc.first, desc.second, desc.result, desc.rows, desc.width});
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::write}};
    const uint64_t items = uint64_t{desc.rows} * desc.width;
    dispatch.groups = flatGrid("product", items, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 3;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = items * desc.batch;
    return kernel;
}

} // namespace saccade
