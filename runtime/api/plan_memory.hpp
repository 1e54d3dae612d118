// SPDX-License-Identifier: Apache-2.0
// A plan's memory: where everything lies, and what the engine has to provide.
#pragma once

#include "api/objects.hpp"
#include "graph/graph.hpp"

namespace saccade {

/// Places the graph's tensors and barriers, and the plan's own numbers behind them. Sets the plan's dispatches, its
/// memory requirements and the contents of its parameters.
void placeGraph(SacPlan_T& plan, Graph& graph);

} // namespace saccade
