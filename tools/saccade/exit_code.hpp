// SPDX-License-Identifier: Apache-2.0
// What the program answers to the shell.
#pragma once

namespace saccade::cli {

enum ExitCode : int {
    exitOk = 0,
    exitOutOfTolerance = 1, ///< a result differs from its reference by more than it may
    exitUsage = 2,          ///< unknown or contradictory arguments
    exitFile = 3,           ///< a file cannot be read or written, or its contents are refused
    exitDevice = 4          ///< no device, or Vulkan or the library failed on it
};

} // namespace saccade::cli
