#include "kernels/norm.hpp"

#include "kernels/flat_grid.hpp"
#include "parameters/norm.h"

namespace saccade {
namespace {} // namespace

Kernel normKernel(const NormDesc& desc, const DeviceProfile& device) {
    const uint32_t threads = 64;
    // A software driver computes a row per invocation: a barrier costs it more than strided reads.
    uint32_t lanes = 1;
    while (!device.isCpu() && lanes < threads && lanes * 4 < desc.width)
        lanes *= 2;
    const uint32_t rowsPerGroup = threads / lanes;
    const uint64_t rows = uint64_t{desc.tokens} * desc.heads;

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::normF16 : Shader::norm;
    dispatch.constants = {threads, lanes, rowsPerGroup, desc.kind == NormKind::layer, desc.hasScale, desc.hasShift};
    dispatch.sharedBytes = 4 * threads;
    dispatch.parameters.set(
        NormParameters{desc.source, desc.result, desc.tokens, desc.heads, desc.width, desc.epsilon});
    // What is not there is bound to what is: the source.
    const uint8_t scale = desc.hasScale ? 2 : 0, shift = desc.hasShift ? 2 + desc.hasScale : 0;
    dispatch.bindings = {{0, Access::read}, {1, Access::write}, {scale, Access::read}, {shift, Access::read}};
    dispatch.groups = flatGrid("norm", rows, rowsPerGroup, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 2u + desc.hasScale + desc.hasShift;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 7 * desc.batch * rows * desc.width;
    return kernel;
}

} // namespace saccade
