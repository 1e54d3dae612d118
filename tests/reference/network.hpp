// SPDX-License-Identifier: Apache-2.0
// Network files (docs/networks.md) in float64, node after node: what a network means, whatever a plan does to compute
// it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// Runs a network once. `config` as in the file's metadata, `weights` by `<node>.<parameter>`, `inputs` and results by
/// name. `states` holds what the run before left and then what this one leaves; a state that is not there is zeros, so
/// that an empty map is the first run, as is null. Throws std::invalid_argument where the page's rules are broken.
Tensors runNetwork(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs,
                   Tensors* states = nullptr);

} // namespace saccade::reference
