// SPDX-License-Identifier: Apache-2.0
#include "kernels/window_mask.hpp"

#include "parameters/window_mask.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

Kernel windowMaskKernel(const WindowMaskDesc& desc, const DeviceProfile& device) {
    const uint64_t tokens = uint64_t{desc.windowHeight} * desc.windowWidth;
    const uint64_t windows = uint64_t{desc.batch} * desc.windowRows * desc.windowColumns;
    const uint32_t words = divideUp(windows * tokens * tokens, 4);
    Dispatch dispatch;
    dispatch.shader = Shader::windowMask;
    dispatch.constants = {lanes};
    dispatch.parameters.set(WindowMaskParameters{desc.windowRows, desc.windowColumns, desc.windowHeight,
                                                 desc.windowWidth, desc.shiftHeight, desc.shiftWidth, words});
    dispatch.bindings = {{0, Access::write}};
    dispatch.groups = flatGrid("window mask", words, lanes, 1, device);
    Kernel kernel;
    kernel.operandCount = 1;
    kernel.dispatches.push_back(dispatch);
    kernel.batched = false;
    return kernel;
}

} // namespace saccade
