// SPDX-License-Identifier: Apache-2.0
// What a plan's memory is made of: every tensor with its place and the stages that need it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

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

    uint64_t bytes() const { return byteCount(shape, type); } ///< without padding
};

/// Makes names unique in O(log n): the second "q" becomes "q#2", the third "q#3". A number that another name really
/// ends in is passed over.
class UniqueNames {
public:
    explicit UniqueNames(std::pmr::memory_resource* memory) : next_(memory) {}

    std::pmr::string take(std::string_view name);
    void clear() { next_.clear(); }

private:
    std::pmr::map<std::pmr::string, uint32_t, std::less<>> next_; ///< of each name taken: what its next namesake gets
};

/// Of all kinds, in the order of sacGetPlanMemoryParts. `graph` is what the plan was made of; its memory is planned,
/// and so are the places of the plan's own in the workspace.
std::pmr::vector<MemoryPart> listMemoryParts(const SacPlan_T& plan, const Graph& graph, Progress& progress);

} // namespace saccade
