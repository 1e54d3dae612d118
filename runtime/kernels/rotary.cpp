#include "kernels/rotary.hpp"

#include "kernels/flat_grid.hpp"
#include "parameters/rotary.h"

namespace saccade {
namespace {

constexpr uint32_t lanes = 64;

} // namespace

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

} // namespace saccade
