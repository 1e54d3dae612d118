// SPDX-License-Identifier: Apache-2.0
// What creating plans costs: with an empty pipeline cache, with a saved one, on one thread and on several.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "bench_case.hpp"
#include "host/device.hpp"
#include "host/model_runner.hpp"

namespace saccade::cli {

/// Times are medians in milliseconds.
struct StartMeasurement {
    std::string name;
    uint32_t plans = 0;
    uint32_t pipelines = 0; ///< of each plan, together
    uint32_t threads = 1;
    uint32_t repeats = 0;
    double emptyCache = 0;
    double savedCache = 0; ///< in a new device whose cache begins with what the first one's held
    double graphs = 0; ///< of the time with an empty cache, all before a plan's first pipeline, summed over the plans
    uint64_t cacheBytes = 0;
};

/// Leaves drivers without the caches they keep on disk: an empty VkPipelineCache would be filled from there. Before the
/// instance is created.
void disableDriverCaches();

/// Creates a plan of each case, in a new device each time, `repeats` times after a first one (0: 5). The threads take
/// one plan after the other. Throws what Model and Plan throw.
StartMeasurement measureStart(const host::Device& device, const std::string& name, const std::vector<BenchCase>& cases,
                              const host::PlanOptions& options, uint32_t threads, uint32_t repeats);

void printStarts(const std::vector<StartMeasurement>& measurements);

nlohmann::json toJson(const StartMeasurement& measurement);

} // namespace saccade::cli
