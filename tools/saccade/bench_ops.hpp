// SPDX-License-Identifier: Apache-2.0
// Single kernels of the library, measured below its public interface.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "bench_measure.hpp"
#include "host/device.hpp"

namespace saccade::cli {

struct OpMeasurement {
    std::string name;
    std::string shape;
    Times times;
    uint64_t flops = 0;
    uint64_t bytes = 0; ///< operands counted once
};

/// Attention with 8 heads of 64 channels, 4096 queries, 256 keys; and the matrix product 4096 x 512 x 512.
/// `repeats` as for repeat().
std::vector<OpMeasurement> measureOps(const host::Context& context, uint32_t repeats);

void printOps(const std::vector<OpMeasurement>& measurements);

nlohmann::json toJson(const OpMeasurement& measurement);

} // namespace saccade::cli
