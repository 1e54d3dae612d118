// SPDX-License-Identifier: Apache-2.0
// The float64 reference for every module: plain loops, no Vulkan, nothing of the library. It agrees with the golden
// vectors, so it can stand in for them at shapes they do not have.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Runs one module. `weights` by state_dict key, `inputs` by argument name; the results have the names golden files
/// use. Throws std::invalid_argument for an unknown module or a missing tensor.
Tensors run(const std::string& module, const nlohmann::json& config, const Tensors& weights, const Tensors& inputs);

} // namespace saccade::reference
