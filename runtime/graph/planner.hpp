// SPDX-License-Identifier: Apache-2.0
// Gives a graph's intermediates memory and puts barriers between dispatches that need them. Both ask the graph's
// progress.
#pragma once

#include <cstdint>

#include "graph/graph.hpp"

namespace saccade {

/// Sets the offset of every workspace tensor and returns the bytes of the workspace. Tensors whose lifetimes (first to
/// last node that uses them) do not meet may share bytes, unless `alias` is false. Larger tensors are placed first,
/// each at the lowest offset free during its lifetime: the greedy-by-size strategy of Pisarchyk and Lee, arXiv
/// 2001.03288. Takes O(n log n) for n tensors and nodes, and as much for the pairs of tensors that are alive at once.
uint64_t planMemory(Graph& graph, bool alias);

/// Sets Node::barrier where a node touches bytes that an earlier node since the last barrier wrote, or writes bytes
/// that one read: true dependencies and those that shared memory makes. One barrier covers everything before it.
/// O(n log n) for n bindings.
void planBarriers(Graph& graph);

} // namespace saccade
