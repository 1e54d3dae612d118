// SPDX-License-Identifier: Apache-2.0
// What sacCmdRun costs the CPU. Nothing is submitted.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "bench_case.hpp"
#include "host/device.hpp"
#include "host/model_runner.hpp"

namespace saccade::cli {

struct RecordTimes {
    double median = 0; ///< microseconds a call
    double percentile95 = 0;
};

struct RecordMeasurement {
    std::string name;
    std::string module;
    bool pushDescriptors = false; ///< else sets from the plan's pool
    uint32_t threads = 1;
    uint32_t records = 0; ///< of each thread
    SacPlanProperties properties{};
    RecordTimes whole;
    RecordTimes library; ///< of the same calls where Vulkan's functions do nothing; the rest is the driver's
};

/// One plan, recorded by 1 thread and by `threads` at once into command buffers of their own, `records` times each (0:
/// 1000), both with push descriptors, where there are any, and without. Throws what ModelRunner throws.
std::vector<RecordMeasurement> measureRecord(const host::Device& device, const BenchCase& benchCase,
                                             const host::PlanOptions& options, uint32_t threads, uint32_t records);

void printRecords(const std::vector<RecordMeasurement>& measurements);

nlohmann::json toJson(const RecordMeasurement& measurement);

} // namespace saccade::cli
