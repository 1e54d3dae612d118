// What a plan's memory is made of: every tensor with its place and the stages that need it.
#pragma once

#include <cstdint>
#include <string>

#include <saccade/saccade.h>

#include "graph/graph.hpp"

namespace saccade {

struct MemoryPart {
    std::pmr::string name; ///< unique within the kind
    SacMemoryKind kind = SAC_MEMORY_WORKSPACE;
    DataType type = DataType::f32;
    Shape shape{};
    uint64_t offset = 0;
    uint32_t firstStage = 0, lastStage = 0; ///< of the run; SAC_STAGE_UPLOAD for none

    uint64_t bytes() const { return elementCount(shape) * dataTypeSize(type); } ///< without padding
};

/// Fills SacPlan_T::parts. The plan is complete, and `graph` is what it was made of, with its memory planned.
void listMemoryParts(SacPlan_T& plan, const Graph& graph);

} // namespace saccade
