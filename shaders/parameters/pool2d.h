// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(Pool2dParameters)
    uvec4 sourceStrides, resultStrides;    // of batch, row, column and channel
    uvec4 divisorChannels, divisorColumns; // of a result pixel's channels or vectors, of the result's columns
    uint items;                            // of a batch entry
    uint sourceOffset, resultOffset;
    int rows, columns; // of the source
    int kernelRows, kernelColumns, strideRows, strideColumns, paddingRows, paddingColumns;
END_PARAMETERS
