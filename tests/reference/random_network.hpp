// SPDX-License-Identifier: Apache-2.0
// Random network files, so that tests can try what no exported network combines. The same seed gives the same network
// on every platform, with numbers that are exact in float32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

struct RandomNetwork {
    nlohmann::json config;
    Tensors weights;
    std::vector<Tensors> inputs; ///< of runs one after another
};

/// Every operator of docs/networks.md but the modules.
const std::vector<std::string>& networkOperators();

/// One to three nodes of one operator that read inputs of their own, at odd sizes; each result is an output.
RandomNetwork randomOperator(const std::string& op, uint64_t seed);

/// Branches, residuals, concatenations, views, states, shared weights and modules, over free sizes. Every value is
/// conditioned well: computed in halves it would be 1.5e-3 off at most.
RandomNetwork randomNetwork(uint64_t seed);

} // namespace saccade::reference
