// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(DepthwiseConvParameters)
    uint sizeZ, sizeY, sizeX;
    int paddingZ, paddingY, paddingX; // before the first token
    uint width;                       // vectors or channels of a token
END_PARAMETERS
