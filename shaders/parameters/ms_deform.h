// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(MsDeformParameters)
    uvec4 sizes[6]; // of each level, one after the other: width | height << 16
    uint queries, heads;
    uint width;  // vectors or channels of a head
    uint tokens; // of all levels
END_PARAMETERS
