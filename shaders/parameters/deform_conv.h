// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(DeformConvParameters)
    int sizeX, sizeY;
    uint positions, outWidth;
    int strideX, strideY, paddingX, paddingY, dilationX, dilationY;
    uint channels; // of a token
    uint groups, groupChannels;
    uint offsetGroups, offsetChannels; // channels per offset group
    uint segment;                      // channels that share group and offset group, as far as both sizes allow
    uint columns;                      // output channels of a group
    uint pitch;                        // the same, in vectors of a weight row
    uint weightStride;                 // vectors of a group's weight
    uint outBatchStride, outPositionStride, outChannelStride;
END_PARAMETERS
