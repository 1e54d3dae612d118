// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm.hpp"

#include <bit>

#include "base/error.hpp"
#include "kernels/gemm_tuning.hpp"
#include "parameters/gemm.h"

namespace saccade {

namespace {

constexpr uint8_t operandA = 0;
constexpr uint8_t operandWeight = 1;
constexpr uint8_t operandBias = 2;
constexpr uint8_t operandResidual = 3;
constexpr uint8_t operandOut = 4;

uint32_t outColumns(const GemmDesc& desc) {
    return desc.activation == ActivationKind::geglu ? desc.columns / 2 : desc.columns;
}

void check(const GemmDesc& desc) {
    if (!desc.batch || !desc.rows || !desc.columns || !desc.depth || !desc.groups)
        throw Error(SAC_ERROR_INTERNAL, "gemm %u x (%u, %u) x (%u, %u), %u groups: a size is 0", desc.batch, desc.rows,
                    desc.depth, desc.depth, desc.columns, desc.groups);
    if (desc.storage != DataType::f32 && desc.storage != DataType::f16)
        throw Error(SAC_ERROR_INTERNAL, "gemm storage type %s is neither F32 nor F16", dataTypeName(desc.storage));
    if (desc.activation == ActivationKind::geglu && desc.columns % 2)
        throw Error(SAC_ERROR_INTERNAL, "gemm columns %u: geglu needs an even number", desc.columns);
    if (desc.weightBatchStride % 4 || desc.weightBatchStride / 4 > UINT32_MAX)
        throw Error(SAC_ERROR_INTERNAL, "gemm weightBatchStride %llu: a multiple of 4, less than 2^34",
                    wide(desc.weightBatchStride));
}

} // namespace

Kernel gemm(const GemmDesc& desc, const DeviceProfile& profile) {
    check(desc);
    const uint32_t columnsOut = outColumns(desc);
    const MatrixLayout a = desc.a.resolved(desc.rows, desc.groups * desc.depth);
    const MatrixLayout out = desc.out.resolved(desc.rows, desc.groups * columnsOut);
    MatrixLayout residual = desc.residual;
    residual.channelMajor = out.channelMajor;
    residual = residual.resolved(desc.rows, desc.groups * columnsOut);
    const bool geglu = desc.activation == ActivationKind::geglu;
    const bool outVector = !geglu && out.fourWide(desc.rows, columnsOut) &&
                           (!desc.hasResidual || residual.fourWide(desc.rows, columnsOut));

    const bool aVector = a.fourWide(desc.rows, desc.depth);
    const uint64_t flops = 2ull * desc.batch * desc.rows * desc.columns * desc.depth * desc.groups;
    const GemmTuning tuning =
        gemmTuning(profile, {.rows = desc.rows,
                             .columns = desc.columns,
                             .planes = uint64_t(desc.batch) * desc.groups,
                             .flops = flops,
                             .simple = aVector && outVector && !desc.hasResidual && desc.storage == DataType::f32});

    Dispatch dispatch;
    dispatch.shader = desc.storage == DataType::f16 ? Shader::gemmF16 : Shader::gemm;
    dispatch.constants = {tuning.threadsM * tuning.threadsN,
                          tuning.threadsM,
                          tuning.threadsN,
                          tuning.quadsM,
                          tuning.quadsN,
                          tuning.staged,
                          tuning.stepK,
                          a.channelMajor,
                          aVector,
                          out.channelMajor,
                          outVector,
                          desc.bias,
                          desc.hasResidual,
                          static_cast<uint32_t>(desc.activation.kind)};
    dispatch.parameters.set(GemmParameters{
        desc.rows, desc.columns, desc.depth, desc.groups, a.offset, a.stride, a.batchStride, out.offset, out.stride,
        out.batchStride, residual.offset, residual.stride, residual.batchStride,
        static_cast<uint32_t>(desc.weightBatchStride / 4), desc.alpha, desc.activation.a, desc.activation.b});
    dispatch.sharedBytes = tuning.sharedBytes();
    // The shader's interface names every binding: one that is not used gets a buffer that is there anyway.
    dispatch.bindings = {{operandA, Access::read},
                         {operandWeight, Access::read},
                         {desc.bias ? operandBias : operandWeight, Access::read},
                         {desc.hasResidual ? operandResidual : operandWeight, Access::read},
                         {operandOut, Access::write}};
    dispatch.groups = {divideUp(desc.rows, tuning.rowsPerGroup()), divideUp(desc.columns, tuning.columnsPerGroup()),
                       desc.batch * desc.groups};

    Kernel kernel;
    kernel.operandCount = 5;
    kernel.dispatches.push_back(dispatch);
    kernel.flops = flops;
    return kernel;
}

uint64_t gemmWeightElements(const GemmDesc& desc) {
    return uint64_t(desc.groups) * roundUp4(desc.depth) * roundUp4(desc.columns);
}

template <class Element>
void packGemmWeight(const GemmDesc& desc, std::span<const Element> weight, std::span<Element> packed) {
    const size_t pitch = roundUp4(desc.columns), depth = roundUp4(desc.depth), columns = desc.columns;
    if (weight.size() != uint64_t(desc.groups) * desc.columns * desc.depth || packed.size() != gemmWeightElements(desc))
        throw Error(SAC_ERROR_INTERNAL, "gemm weight of %zu elements packed into %zu: expected %u x %u x %u",
                    weight.size(), packed.size(), desc.groups, desc.columns, desc.depth);
    const bool geglu = desc.activation == ActivationKind::geglu;
    for (uint32_t g = 0; g < desc.groups; ++g)
        for (size_t k = 0; k < depth; ++k)
            for (size_t n = 0; n < pitch; ++n) {
                const size_t source = geglu ? n / 2 + n % 2 * (columns / 2) : n;
                const bool inside = k < desc.depth && n < columns;
                packed[(g * depth + k) * pitch + n] =
                    inside ? weight[(g * columns + source) * desc.depth + k] : Element{};
            }
}

template void packGemmWeight(const GemmDesc&, std::span<const float>, std::span<float>);
template void packGemmWeight(const GemmDesc&, std::span<const uint16_t>, std::span<uint16_t>);

} // namespace saccade
