// SPDX-License-Identifier: Apache-2.0
// Gives a graph's intermediates memory and puts barriers between dispatches that need them. Both ask the graph's
// progress.
#pragma once

#include <cstdint>

#include "graph/graph.hpp"

namespace saccade {

/// What tensors whose lifetimes (first to last node that uses them) do not meet have in common.
enum class Sharing : uint8_t {
    none,
    bytes,  ///< any bytes
    buffers ///< all bytes of the smaller, from the first on, or none
};

/// Sets the offset of every workspace tensor and returns the bytes of the workspace. Where bytes are shared, larger
/// tensors are placed first, each at the lowest offset free during its lifetime: greedy by size of Pisarchyk and Lee,
/// arXiv 2001.03288. Where buffers are, each tensor gets the free one that fits it best, by size as well as in the
/// order of their first uses, and the smaller result counts. Takes O(n log n) for n tensors and nodes, and as much for
/// the pairs of tensors that are alive at once; with buffers also n times their number.
uint64_t planMemory(Graph& graph, Sharing sharing);

/// Sets Node::barrier where a node touches bytes that an earlier node since the last barrier wrote, or writes bytes
/// that one read: true dependencies and those that shared memory makes. One barrier covers everything before it.
/// O(n log n) for n bindings.
void planBarriers(Graph& graph);

} // namespace saccade
