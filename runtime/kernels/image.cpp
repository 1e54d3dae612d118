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
    constexpr Shader shaders[][2] = {
        {Shader::tokensToRgba8, Shader::tokensToRgba8Layered},
        {Shader::tokensToRgba16f, Shader::tokensToRgba16fLayered},
        {Shader::tokensToRgba32f, Shader::tokensToRgba32fLayered},
        {Shader::tokensToR32f, Shader::tokensToR32fLayered},
        {Shader::tokensToImage, Shader::tokensToImageLayered},
    };
    const auto format = static_cast<size_t>(desc.format.store) - static_cast<size_t>(StoreFormat::rgba8);
    return shaders[format][desc.layered];
}

// As sliceOf() of shaders/image_transfer.glsl takes it apart.
constexpr uint32_t packedSlice(const ImageSlice& slice) {
    return slice.components | slice.first << 3 | slice.factor << 5 | static_cast<uint32_t>(slice.transfer) << 12;
}

uint64_t pixels(const ImageTokensDesc& desc, const ImageSlice& slice) {
    return uint64_t{desc.height} * desc.width * slice.factor * slice.factor;
}

} // namespace

Kernel imagesToTokens(const ImagesToTokensDesc& desc, const DeviceProfile& device) {
    const uint32_t count = static_cast<uint32_t>(desc.images.size());
    Dispatch dispatch;
    dispatch.shader = readShader(desc);
    dispatch.constants = {lanes, count};
    dispatch.bindings = {{0, Access::write}};
    ImagesToTokensParameters parameters{};
    parameters.height = desc.height;
    parameters.width = desc.width;
    parameters.rowChannels = desc.rowChannels;
    uint64_t groups = 0;
    uint32_t channel = desc.firstChannel;
    for (uint32_t i = 0; i < maxImagesRead; ++i) { // bindings without an image of their own are never read
        dispatch.bindings.push_back(
            {static_cast<uint8_t>(i < count ? 1 + i : 1), Access::read, BindingKind::sampledImage});
        dispatch.constants.push_back(i < count ? packedSlice(desc.images[i]) : 0);
        if (i >= count)
            continue;
        const ImageSlice& image = desc.images[i];
        parameters.scales[i] = vector4(image.scale);
        parameters.biases[i] = vector4(image.bias);
        parameters.places[i] = {static_cast<uint32_t>(groups), channel, 0, 0};
        groups += divideUp(pixels(desc, image), lanes);
        channel += image.tokenChannels();
    }
    dispatch.parameters.set(parameters);
    dispatch.groups = flatGrid("images to tokens", groups * lanes, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 1 + count;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

Kernel tokensToImage(const TokensToImageDesc& desc, const DeviceProfile& device) {
    Dispatch dispatch;
    dispatch.shader = writeShader(desc);
    dispatch.constants = {lanes, packedSlice(desc.image), desc.type == DataType::f16, desc.format.halves};
    TokensToImageParameters parameters{};
    const std::array<float, 4>& scale = desc.image.scale;
    parameters.scale = {1 / scale[0], 1 / scale[1], 1 / scale[2], 1 / scale[3]};
    parameters.bias = vector4(desc.image.bias);
    parameters.height = desc.height;
    parameters.width = desc.width;
    parameters.rowChannels = desc.rowChannels;
    parameters.firstChannel = desc.firstChannel;
    dispatch.parameters.set(parameters);
    dispatch.bindings = {{0, Access::read}, {1, Access::write, BindingKind::storageImage}};
    dispatch.groups = flatGrid("tokens to image", pixels(desc, desc.image), lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
