// SPDX-License-Identifier: Apache-2.0
// Profiles by name: what tests and the command line narrow a device to.
#pragma once

#include <saccade/saccade.h>

#include <string>

namespace saccade::host {

/// `device` narrowed to what `text` stands for:
///   cpu, gpu   the kernels of that kind, with everything the device has
///   weak       a GPU with Vulkan 1.1's minimum of everything but the count of storage buffers: 16 KiB of shared
///   memory,
///              128 invocations, 128 MiB a buffer, subgroups of 4 without operations, no 16-bit storage, no push
///              descriptors
///   minimum    the same with 4 storage buffers and subgroups of 1
///   a path     a JSON file whose members, named as those of SacDeviceProfile, replace the device's:
///              {"kind": "gpu", "maxComputeSharedMemorySize": 32768, "maxComputeWorkGroupSize": [256, 256, 64],
///              "pushDescriptors": false, "matrixShapes": [{"m": 16, "n": 16, "k": 16, "float32Result": true}]}
/// Throws FileError where the file cannot be read or is not of that form.
SacDeviceProfile namedProfile(const std::string& text, const SacDeviceProfile& device);

} // namespace saccade::host
