// SPDX-License-Identifier: Apache-2.0
#include "kernels/dense_bias.hpp"

#include "kernels/kernel.hpp"
#include "parameters/mask_bias.h"
#include "parameters/pair_bias.h"
#include "parameters/relative_places.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

Kernel pairBiasKernel(const PairBiasDesc& desc, const DeviceProfile& device) {
    Dispatch dispatch;
    dispatch.shader = Shader::pairBias;
    dispatch.constants = {lanes, desc.lookup};
    dispatch.parameters.set(PairBiasParameters{vector4(desc.size), desc.heads, desc.queries, desc.keys});
    dispatch.bindings = {{0, Access::read}, {1, Access::write}};
    dispatch.groups = flatGrid("pair bias", uint64_t{desc.heads} * desc.queries * desc.keys, lanes, 1, device);
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.dispatches.push_back(dispatch);
    kernel.batched = false;
    return kernel;
}

uint64_t relativePlaces(const GridSize& size) {
    uint64_t places = 1;
    for (const uint32_t n : size)
        places *= 2 * uint64_t{n} - 1;
    return places;
}

Kernel relativePlacesKernel(uint32_t dims, const GridSize& size, bool logDistance, const DeviceProfile& device) {
    Dispatch dispatch;
    dispatch.shader = Shader::relativePlaces;
    dispatch.constants = {lanes, dims, logDistance};
    dispatch.parameters.set(RelativePlacesParameters{vector4(size)});
    dispatch.bindings = {{0, Access::write}};
    dispatch.groups = flatGrid("relative places", relativePlaces(size), lanes, 1, device);
    Kernel kernel;
    kernel.operandCount = 1;
    kernel.dispatches.push_back(dispatch);
    kernel.batched = false;
    return kernel;
}

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
