#include "kernels/copy.hpp"

#include "kernels/flat_grid.hpp"
#include "parameters/copy.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

Shader shaderOf(const CopyDesc& desc) {
    if (desc.fromType == DataType::f16)
        return desc.toType == DataType::f16 ? Shader::copyF16 : Shader::copyF16ToF32;
    return desc.toType == DataType::f16 ? Shader::copyF32ToF16 : Shader::copy;
}

} // namespace

Kernel copyKernel(const CopyDesc& desc, const DeviceProfile& device) {
    const CopyView &from = desc.from, &to = desc.to;
    Dispatch dispatch;
    dispatch.shader = shaderOf(desc);
    dispatch.constants = {lanes, desc.shifted};
    dispatch.parameters.set(CopyParameters{desc.heads, desc.tokens, desc.channels, desc.toTokens, from.offset,
                                           from.batchStride, from.headStride, from.tokenStride, from.channelStride,
                                           to.offset, to.batchStride, to.headStride, to.tokenStride, to.channelStride});
    dispatch.bindings = {{0, Access::read}, {1, Access::write}, {desc.shifted ? uint8_t(2) : uint8_t(0), Access::read}};
    dispatch.groups = flatGrid("copy", uint64_t{desc.heads} * desc.tokens * desc.channels, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = desc.shifted ? 3 : 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
