// SPDX-License-Identifier: Apache-2.0
// saccade run --times: where a run's time goes.
#pragma once

#include "host/model_runner.hpp"
#include "progress.hpp"

namespace saccade::cli {

/// Runs the model `repeats` times, at least once, and prints the median time of each stage with its rates. Throws
/// host::DeviceError where the device's queue has no timestamps.
void printStageTimes(const host::Device& device, host::ModelRunner& runner, uint32_t repeats, Progress& progress);

} // namespace saccade::cli
