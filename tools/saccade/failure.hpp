// SPDX-License-Identifier: Apache-2.0
// Exceptions as the program reports them: a message for stderr and an exit code.
#pragma once

#include <string>

#include "exit_code.hpp"

namespace saccade::cli {

struct Failure {
    std::string message;
    ExitCode code = exitDevice;
};

/// Of the exception that is being handled: call it in a catch block.
Failure currentFailure();

} // namespace saccade::cli
