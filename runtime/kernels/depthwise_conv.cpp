#include "kernels/depthwise_conv.hpp"

#include <algorithm>

#include "kernels/flat_grid.hpp"
#include "parameters/depthwise_conv.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

Kernel depthwiseConvKernel(const DepthwiseConvDesc& desc, const DeviceProfile& device) {
    const bool vectors = desc.channels % 4 == 0;
    const uint32_t width = vectors ? desc.channels / 4 : desc.channels;
    const uint64_t tokens = uint64_t{desc.size[0]} * desc.size[1] * desc.size[2];
    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::depthwiseConvF16 : Shader::depthwiseConv;
    dispatch.constants = {lanes, vectors, desc.addsSource, desc.kernel[0], desc.kernel[1], desc.kernel[2]};
    dispatch.parameters.set(DepthwiseConvParameters{desc.size[0], desc.size[1], desc.size[2], int32(desc.padding[0]),
                                                    int32(desc.padding[1]), int32(desc.padding[2]), width});
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::write}};
    dispatch.groups = flatGrid("depthwise convolution", tokens * width, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 3;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 2 * desc.batch * tokens * desc.channels * desc.kernel[0] * desc.kernel[1] * desc.kernel[2];
    return kernel;
}

void packDepthwiseConv(std::span<const float> weight, std::span<const float> bias, std::span<float> packed) {
    const size_t channels = bias.size(), taps = weight.size() / channels;
    for (size_t tap = 0; tap < taps; ++tap)
        for (size_t channel = 0; channel < channels; ++channel)
            packed[tap * channels + channel] = weight[channel * taps + tap];
    std::copy(bias.begin(), bias.end(), packed.begin() + static_cast<std::ptrdiff_t>(taps * channels));
}

} // namespace saccade
