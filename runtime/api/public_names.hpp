// SPDX-License-Identifier: Apache-2.0
// The library's enumerations by their public names.
#pragma once

#include <saccade/saccade.h>

#include "base/data_type.hpp"
#include "graph/graph.hpp"

namespace saccade {

/// Of a type that tensors of a plan have; FLOAT32 for any other.
inline SacDataType publicType(DataType type) {
    switch (type) {
    case DataType::f16:
        return SAC_DATA_TYPE_FLOAT16;
    case DataType::i32:
        return SAC_DATA_TYPE_INT32;
    case DataType::i64:
        return SAC_DATA_TYPE_INT64;
    case DataType::u8:
        return SAC_DATA_TYPE_UINT8;
    case DataType::boolean:
        return SAC_DATA_TYPE_BOOL;
    default:
        return SAC_DATA_TYPE_FLOAT32;
    }
}

/// Of a memory that the plan asks the engine for; not of externals.
constexpr SacMemoryKind publicKind(MemoryKind kind) { return static_cast<SacMemoryKind>(kind); }
static_assert(publicKind(MemoryKind::weights) == SAC_MEMORY_WEIGHTS);
static_assert(publicKind(MemoryKind::tables) == SAC_MEMORY_TABLES);
static_assert(publicKind(MemoryKind::workspace) == SAC_MEMORY_WORKSPACE);
static_assert(publicKind(MemoryKind::state) == SAC_MEMORY_STATE);
static_assert(publicKind(MemoryKind::parameters) == SAC_MEMORY_PARAMETERS);

} // namespace saccade
