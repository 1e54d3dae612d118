#include "kernels/copy.hpp"

#include "kernels/flat_grid.hpp"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

// As in shaders/copy.comp.
struct Push {
    uint32_t heads, tokens, channels, toTokens;
    CopyView from, to;
};

Shader shaderOf(const CopyDesc& desc) {
    if (desc.fromType == DataType::f16)
        return desc.toType == DataType::f16 ? Shader::copyF16 : Shader::copyF16ToF32;
    return desc.toType == DataType::f16 ? Shader::copyF32ToF16 : Shader::copy;
}

} // namespace

Kernel copyKernel(const CopyDesc& desc, const DeviceProfile& device) {
    Dispatch dispatch;
    dispatch.shader = shaderOf(desc);
    dispatch.constants = {lanes, desc.shifted};
    dispatch.push.set(Push{desc.heads, desc.tokens, desc.channels, desc.toTokens, desc.from, desc.to});
    dispatch.bindings = {{0, Access::read}, {1, Access::write}, {desc.shifted ? uint8_t(2) : uint8_t(0), Access::read}};
    dispatch.groups = flatGrid("copy", uint64_t{desc.heads} * desc.tokens * desc.channels, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = desc.shifted ? 3 : 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
