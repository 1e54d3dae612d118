// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(GridSampleParameters)
    uint points;
    uint width;      // vectors or channels of a token
    uint groupWidth; // of a group
    uint groups;
    int sizeX, sizeY, sizeZ;
    uint inputOffset, inputStride, inputBatchStride;
    uint outputOffset, outputStride, outputBatchStride;
    uint inputChannelStride, outputChannelStride, perThread; // of planes
END_PARAMETERS
