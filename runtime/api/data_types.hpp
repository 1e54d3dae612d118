// SPDX-License-Identifier: Apache-2.0
// The library's element types by their public names.
#pragma once

#include <saccade/saccade.h>

#include "base/data_type.hpp"

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

} // namespace saccade
