// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ApplyKernelsParameters)
    uvec4 sourceStrides, kernelStrides, resultStrides; // of batch, row, column and channel
    uvec4 divisorChannels, divisorColumns;             // of a pixel's pieces, of the columns
    uint items;                                        // of a batch entry
    uint sourceOffset, kernelOffset, resultOffset;
    int rows, columns;
    int size; // of the kernels along each axis
END_PARAMETERS
