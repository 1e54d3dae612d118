// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a host program, as exceptions: one type for each kind that a program answers differently.
#pragma once

#include <vulkan/vulkan.h>

#include <stdexcept>
#include <string>

namespace saccade::host {

/// A file that cannot be read or written, or is not what it should be. The message begins with the path.
class FileError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// No device fits, or Vulkan answered with an error.
class DeviceError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Throws DeviceError naming `function` and the result; returns on VK_SUCCESS.
void checkVulkan(VkResult result, const char* function);

} // namespace saccade::host
