// SPDX-License-Identifier: Apache-2.0
#include "kernels/rows.hpp"

#include "kernels/kernel.hpp"
#include "parameters/norm.h"
#include "parameters/product.h"
#include "parameters/rotary.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

Kernel normKernel(const NormDesc& desc, const DeviceProfile& device) {
    // A software driver computes a row per invocation: a barrier costs it more than strided reads.
    const bool vectors = desc.source.fourWide(desc.width) && desc.result.fourWide(desc.width);
    uint32_t rowLanes = 1;
    while (!device.isCpu() && rowLanes < lanes && rowLanes * 4 < desc.width / (vectors ? 4 : 1))
        rowLanes *= 2;
    const uint32_t rowsPerGroup = lanes / rowLanes;
    const uint64_t rows = uint64_t{desc.tokens} * desc.heads;

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::normF16 : Shader::norm;
    dispatch.constants = {lanes,         rowLanes,      rowsPerGroup, static_cast<uint32_t>(desc.kind),
                          desc.hasScale, desc.hasShift, vectors};
    dispatch.sharedBytes = 4 * lanes;
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

Kernel rotaryKernel(const RotaryDesc& desc, const DeviceProfile& device) {
    const bool reads = desc.readsPositions || desc.shifted;
    const uint32_t units = desc.rotated / 2 + desc.channels - desc.rotated;
    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::rotaryF16 : Shader::rotary;
    dispatch.constants = {lanes, desc.interleaved, desc.angles,
                          desc.readsPositions ? static_cast<uint32_t>(dataTypeSize(desc.positionType) / 4) : 0u,
                          desc.shifted};
    dispatch.parameters.set(RotaryParameters{desc.source, desc.result, desc.heads, desc.tokens, desc.channels,
                                             desc.rotated, desc.tablePositions, desc.largestShift,
                                             desc.tablePerBatch ? desc.tablePositions : 0});
    uint8_t next = 3;
    const uint8_t sines = desc.angles ? uint8_t(2) : next++;
    const uint8_t positions = reads ? next++ : uint8_t(2);
    dispatch.bindings = {
        {0, Access::read}, {1, Access::write}, {2, Access::read}, {sines, Access::read}, {positions, Access::read}};
    dispatch.groups = flatGrid("rotary", uint64_t{desc.heads} * desc.tokens * units, lanes, desc.batch, device);
    Kernel kernel;
    kernel.operandCount = next;
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

Kernel productKernel(const ProductDesc& desc, const DeviceProfile& device) {
    Dispatch dispatch;
    if (desc.storage == DataType::f32)
        dispatch.shader = Shader::product;
    else
        dispatch.shader = desc.secondType == DataType::f32 ? Shader::productF16ByF32 : Shader::productF16;
    dispatch.constants = {lanes, static_cast<uint32_t>(desc.activation.kind)};
    dispatch.parameters.set(ProductParameters{desc.first, desc.second, desc.result, desc.rows, desc.width,
                                              desc.activation.a, desc.activation.b});
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
