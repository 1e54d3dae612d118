// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(PositionBiasParameters)
    vec4 tableOrigin;
    vec4 step;                 // table: distance of nodes; dense: divisor of the query grid
    uvec4 size;                // nodes of the table, or cells of the query grid, of each axis
    uvec4 gridStride;          // dense
    uint queries, keys, heads; // dense
    uint headsPerGroup;
END_PARAMETERS
