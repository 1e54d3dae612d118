// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(WarpParameters)
    uvec4 sourceStrides, motionStrides, resultStrides; // of batch, row, column and channel
    uvec4 divisorChannels, divisorColumns;             // of a pixel's pieces, of the columns
    uint items;                                        // of a batch entry
    uint sourceOffset, motionOffset, resultOffset;
    int rows, columns;
    float scaleColumns, scaleRows; // of motion[0] and motion[1]
END_PARAMETERS
