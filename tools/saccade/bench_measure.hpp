// SPDX-License-Identifier: Apache-2.0
// Timing of one bench case, and the tables and JSON that come of it.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

#include "bench_case.hpp"
#include "host/model_runner.hpp"
#include "host/submitter.hpp"
#include "progress.hpp"

namespace saccade::cli {

struct Times {
    double median = 0; ///< milliseconds on the GPU's clock, or the host's where the queue has no timestamps
    double minimum = 0;
    uint32_t repeats = 0;
};

/// Calls `run` once to warm up and then `repeats` times; 0: as often as three seconds allow, 3 to 100 times.
Times repeat(uint32_t repeats, const std::function<host::Timing()>& run);

struct Measurement {
    std::string name;
    std::string module;
    std::string bias; ///< "exact", "table", or "" where the module has none
    nlohmann::json config;
    Times times;
    double uploadMilliseconds = 0;
    SacPlanProperties properties{};
    SacPositionBiasProperties positionBias{};
    uint64_t workspaceBytes = 0, weightBytes = 0, tableBytes = 0, stateBytes = 0;
    uint64_t queries = 0, keys = 0;
};

struct MeasureOptions {
    SacPositionBiasMode bias = SAC_POSITION_BIAS_MODE_EXACT;
    SacPrecision precision = SAC_PRECISION_FLOAT32;
    float tolerance = 0;
    uint32_t repeats = 0;
};

/// Throws what ModelRunner throws.
Measurement measure(const host::Context& context, const BenchCase& benchCase, const MeasureOptions& options);

/// Time, rates and memory of each.
void printMeasurements(const std::vector<Measurement>& measurements);

/// Time per query and key, and workspace per query: both stay as they are where cost is linear.
void printScaling(const std::vector<Measurement>& measurements);

/// Time and memory against tokens, and the time as a share of the dense case's before it.
void printRelatives(const std::vector<Measurement>& measurements);

nlohmann::json toJson(const Measurement& measurement);

} // namespace saccade::cli
