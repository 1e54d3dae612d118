// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(OffsetNetworkParameters)
    uint sizeZ, sizeY, sizeX;
    uint gridY, gridX; // downsampled height and width
    uint positionCount;
    uint channels, groups;
    int paddingZ, paddingY, paddingX;
    float scale0, scale1, scale2;
    float divisor0, divisor1, divisor2;
END_PARAMETERS
