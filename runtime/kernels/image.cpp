// SPDX-License-Identifier: Apache-2.0
#include "kernels/image.hpp"

#include "kernels/kernel.hpp"
#include "parameters/images_to_tokens.h"
#include "parameters/tokens_to_image.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

Shader readShader(const ImagesToTokensDesc& desc) {
    if (desc.type == DataType::f16)
        return desc.layered ? Shader::imagesToTokensLayeredF16 : Shader::imagesToTokensF16;
    return desc.layered ? Shader::imagesToTokensLayered : Shader::imagesToTokens;
}

Shader writeShader(const TokensToImageDesc& desc) {
    // [format][layered][half]
    constexpr Shader shaders[4][2][2] = {
        {{Shader::tokensToRgba8, Shader::tokensToRgba8F16},
         {Shader::tokensToRgba8Layered, Shader::tokensToRgba8LayeredF16}},
        {{Shader::tokensToRgba16f, Shader::tokensToRgba16fF16},
         {Shader::tokensToRgba16fLayered, Shader::tokensToRgba16fLayeredF16}},
        {{Shader::tokensToRgba32f, Shader::tokensToRgba32fF16},
         {Shader::tokensToRgba32fLayered, Shader::tokensToRgba32fLayeredF16}},
        {{Shader::tokensToR32f, Shader::tokensToR32fF16},
         {Shader::tokensToR32fLayered, Shader::tokensToR32fLayeredF16}},
    };
    const auto format = static_cast<size_t>(desc.format) - static_cast<size_t>(StoreFormat::rgba8);
    return shaders[format][desc.layered][desc.type == DataType::f16];
}

} // namespace

Kernel imagesToTokens(const ImagesToTokensDesc& desc, const DeviceProfile& device) {
    const uint32_t count = static_cast<uint32_t>(desc.images.size());
    Dispatch dispatch;
    dispatch.shader = readShader(desc);
    dispatch.constants = {lanes, count};
    uint64_t pixelsPerToken = 0;
    for (uint32_t i = 0; i < maxImages; ++i)
        dispatch.constants.push_back(i < count ? desc.images[i].channels : 0);
    for (uint32_t i = 0; i < maxImages; ++i) {
        dispatch.constants.push_back(i < count ? desc.images[i].factor : 0);
        pixelsPerToken += i < count ? uint64_t{desc.images[i].factor} * desc.images[i].factor : 0;
    }
    dispatch.parameters.set(ImagesToTokensParameters{desc.height, desc.width});
    dispatch.bindings = {{0, Access::write}};
    for (uint32_t i = 0; i < maxImages; ++i) // bindings without an image of their own are never read
        dispatch.bindings.push_back(
            {static_cast<uint8_t>(i < count ? 1 + i : 1), Access::read, BindingKind::sampledImage});
    dispatch.groups =
        flatGrid("images to tokens", pixelsPerToken * desc.height * desc.width, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 1 + count;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

Kernel tokensToImage(const TokensToImageDesc& desc, const DeviceProfile& device) {
    const uint64_t pixels = uint64_t{desc.height} * desc.width * desc.image.factor * desc.image.factor;
    Dispatch dispatch;
    dispatch.shader = writeShader(desc);
    dispatch.constants = {lanes, desc.image.channels, desc.image.factor};
    dispatch.parameters.set(TokensToImageParameters{desc.height, desc.width, desc.rowChannels, desc.firstChannel});
    dispatch.bindings = {{0, Access::read}, {1, Access::write, BindingKind::storageImage}};
    dispatch.groups = flatGrid("tokens to image", pixels, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
