// SPDX-License-Identifier: Apache-2.0
// The sample "frame" as a user starts it, under the validation layer's eyes.
#pragma once

#include "support/program.hpp"

namespace saccade::test {

/// build/bin/frame on SACCADE_DEVICE, or without it on Mesa's CPU driver, with core and synchronization validation on.
/// `start`: what starts it, as "xvfb-run -a". Fails the running test for a message of the validation layer.
ProgramResult runFrame(const std::vector<std::string>& arguments, const std::vector<std::string>& start = {});

} // namespace saccade::test
