// SPDX-License-Identifier: Apache-2.0
// The lines that the layer writes, one JSON object each, to the file SACCADE_GPU_REPORT (default: standard error):
//   {"device": name, "driver": name, "info": version, "statistics": whether the driver has them}
//   {"pipeline": number, "kernel": shader's name, "constants": [...], "milliseconds": time of its creation,
//    "executables": [{"name", "subgroup", "statistics": {name: number}, "representations": [{"name", "file"}]}]}
//   {"dispatch": pipeline's number, "stage": debug label, "groups": [x, y, z], or null where a buffer has them}
// Representations, the driver's assembly among them, are written into the folder SACCADE_GPU_ASSEMBLY, if it is set.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "state.hpp"

namespace saccade::gpu {

/// Whether representations are wanted.
bool wantsAssembly();

void reportDevice(const std::string& name, const std::string& driver, const std::string& info, bool statistics);

void reportPipeline(const DeviceState& device, VkPipeline pipeline, uint32_t number, const std::string& kernel,
                    const VkSpecializationInfo* constants, double milliseconds);

void reportDispatch(const Recording& recording, const std::optional<std::array<uint32_t, 3>>& groups);

} // namespace saccade::gpu
