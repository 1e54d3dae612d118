// SPDX-License-Identifier: Apache-2.0
// Without a window: a few frames, their times, and pictures of the last one.
#pragma once

#include "frames_in_flight.hpp"
#include "options.hpp"

namespace frame {

void runHeadless(const Options& options);

/// Prints the device, what attention costs, and where it runs.
void describe(const Engine& engine, const AttentionPass& attention, bool async);
/// Throws std::runtime_error if it cannot be read.
std::vector<char> readFile(const std::string& path);

} // namespace frame
