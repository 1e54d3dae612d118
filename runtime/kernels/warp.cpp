// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp.hpp"

#include "base/error.hpp"
#include "parameters/apply_kernels.h"
#include "parameters/warp.h"

namespace saccade {
namespace {

template <class Desc>
void checkMap(const char* kernel, const Desc& desc) {
    if (desc.storage != DataType::f32 && desc.storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "%s of %s: neither F32 nor F16", kernel, dataTypeName(desc.storage));
    if (!desc.batch || !desc.rows || !desc.columns || !desc.channels)
        throw Error(SAC_ERROR_INTERNAL, "%s of batch %u, %ux%u, %u channels: a size is 0", kernel, desc.batch,
                    desc.rows, desc.columns, desc.channels);
}

} // namespace

Kernel warpKernel(const WarpDesc& desc, const DeviceProfile& device) {
    checkMap("warp", desc);
    if (desc.motionType != DataType::f32 && desc.motionType != desc.storage)
        throw Error(SAC_ERROR_INTERNAL, "warp of %s by motion of %s", dataTypeName(desc.storage),
                    dataTypeName(desc.motionType));
    WarpParameters p{};
    Dispatch dispatch;
    const MapWalk pieces =
        walkMap("warp", 1, desc, {desc.rows, desc.columns}, {desc.rows, desc.columns}, p, dispatch, device);
    p.motionStrides = desc.motion.mapStrides();
    p.motionOffset = desc.motion.offset;
    p.scaleColumns = desc.scale[0];
    p.scaleRows = desc.scale[1];
    if (desc.storage == DataType::f32)
        dispatch.shader = Shader::warp;
    else
        dispatch.shader = desc.motionType == DataType::f32 ? Shader::warpF16ByF32 : Shader::warpF16;
    dispatch.constants = {mapLanes, pieces.vectors, pieces.chunk, desc.nearest, desc.border};
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::write}};
    Kernel kernel;
    kernel.operandCount = 3;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = (desc.nearest ? 1ull : 8ull) * desc.batch * desc.rows * desc.columns * desc.channels;
    return kernel;
}

Kernel applyKernelsKernel(const ApplyKernelsDesc& desc, const DeviceProfile& device) {
    checkMap("apply_kernels", desc);
    if (desc.size % 2 == 0 || desc.size > maxAppliedSize)
        throw Error(SAC_ERROR_INTERNAL, "apply_kernels of size %u: not odd, or beyond %u", desc.size, maxAppliedSize);
    ApplyKernelsParameters p{};
    Dispatch dispatch;
    // Sums that stay in registers.
    constexpr uint32_t mostBlocks = 4;
    const MapWalk pieces = walkMap("apply_kernels", mostBlocks, desc, {desc.rows, desc.columns},
                                   {desc.rows, desc.columns}, p, dispatch, device);
    p.kernelStrides = desc.kernels.mapStrides();
    p.kernelOffset = desc.kernels.offset;
    p.size = int32(desc.size);
    dispatch.shader = desc.storage == DataType::f16 ? Shader::applyKernelsF16 : Shader::applyKernels;
    dispatch.constants = {
        mapLanes, pieces.vectors, pieces.chunk, pieces.blocks, static_cast<uint32_t>(desc.normalization), desc.border};
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::read}, {2, Access::write}};
    Kernel kernel;
    kernel.operandCount = 3;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = 2ull * desc.size * desc.size * desc.batch * desc.rows * desc.columns * desc.channels;
    return kernel;
}

} // namespace saccade
