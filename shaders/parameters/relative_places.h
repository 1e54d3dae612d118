// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(RelativePlacesParameters)
    uvec4 size; // of the grid
END_PARAMETERS
