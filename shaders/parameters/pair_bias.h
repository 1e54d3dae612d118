// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(PairBiasParameters)
    uvec4 size; // lookup: the grid that queries and keys both cover
    uint heads, queries, keys;
END_PARAMETERS
