#include "kernels/ms_deform.hpp"

#include "kernels/flat_grid.hpp"
#include "parameters/ms_deform.h"
#include "parameters/zero_rows.h"

namespace saccade {
namespace {

static_assert(sizeof(MsDeformParameters::sizes) == 4 * maxSampledLevels);

constexpr uint32_t lanes = 64;
constexpr uint8_t operandValue = 0, operandResult = 4, operandLocations = 5, operandPadding = 6;

// Vectors of channels per thread. What a thread does besides reading values, the softmax and the places, is the same
// for all threads of a head, so each takes two where it can; more leaves fewer threads and gains a CPU driver nothing.
uint32_t chunksPerThread(uint32_t width) { return width % 2 ? 1 : 2; }

} // namespace

Kernel msDeform(const MSDeformDesc& desc, const DeviceProfile& device) {
    const bool half = desc.storage == DataType::f16;
    const bool vectors = desc.headDim % 4 == 0;
    const uint32_t width = vectors ? desc.headDim / 4 : desc.headDim;
    const uint32_t levels = static_cast<uint32_t>(desc.levels.size());
    MsDeformParameters p{};
    p.queries = desc.queries;
    p.heads = desc.heads;
    p.width = width;
    for (uint32_t level = 0; level < levels; ++level) {
        const auto [h, w] = desc.levels[level];
        (&p.sizes[level / 4].x)[level % 4] = w | h << 16;
        p.tokens += h * w;
    }

    Kernel kernel;
    kernel.operandCount = 7;
    if (desc.padded) {
        Dispatch zero;
        zero.shader = half ? Shader::zeroRowsF16 : Shader::zeroRows;
        zero.constants = {lanes, vectors};
        zero.parameters.set(ZeroRowsParameters{p.tokens, desc.heads * width});
        // Rows that are not padded keep what they hold.
        zero.bindings = {{operandPadding, Access::read}, {operandValue, Access::readWrite}};
        zero.groups =
            flatGrid("multi-scale sampling", uint64_t{p.tokens} * desc.heads * width, lanes, desc.batch, device);
        kernel.dispatches.push_back(zero);
    }

    const uint32_t chunks = chunksPerThread(width);
    Dispatch sample;
    sample.shader = half ? Shader::msDeformF16 : Shader::msDeform;
    sample.constants = {lanes, vectors, chunks, levels, desc.points, desc.boxes, desc.locations};
    sample.parameters.set(p);
    // The shader's interface names every binding: one that is not used gets a buffer that is there anyway.
    sample.bindings = {{operandValue, Access::read},
                       {1, Access::read},
                       {2, Access::read},
                       {3, Access::read},
                       {operandResult, Access::write},
                       {desc.locations ? operandLocations : operandResult, Access::write}};
    sample.groups = flatGrid("multi-scale sampling", uint64_t{desc.queries} * desc.heads * (width / chunks), lanes,
                             desc.batch, device);
    kernel.dispatches.push_back(sample);
    // A multiply-add for each tap of each channel.
    kernel.flops = 8ull * desc.batch * desc.queries * desc.heads * desc.headDim * levels * desc.points;
    return kernel;
}

} // namespace saccade
