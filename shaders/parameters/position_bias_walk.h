// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(PositionBiasWalkParameters)
    vec4 divisor; // of the query grid, by channel, as the next
    uvec4 size;   // its cells
    uvec4 gridStride;
    uint firstQuery;    // of the block
    uint queries, keys; // of the block; of a group
    uint rows;          // of the block
    uint rowLength;
    uint rowsPerWalk;
    uint headsPerGroup;
END_PARAMETERS
