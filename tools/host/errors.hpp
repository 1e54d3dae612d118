// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a host program, as exceptions: one type for each kind that a program answers differently.
#pragma once

#include <saccade/saccade.h>

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

/// A call of the library failed; the message is the library's.
class LibraryError : public std::runtime_error {
public:
    LibraryError(SacResult result, const std::string& message) : std::runtime_error(message), result_(result) {}
    SacResult result() const { return result_; }

private:
    SacResult result_;
};

/// Throws DeviceError naming `function` and the result; returns on VK_SUCCESS.
void checkVulkan(VkResult result, const char* function);

/// Throws LibraryError with the message in `error`; returns on SAC_SUCCESS.
void checkLibrary(SacResult result, const SacError& error);

} // namespace saccade::host
