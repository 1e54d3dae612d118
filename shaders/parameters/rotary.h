// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(RotaryParameters)
    uvec4 sourceView, resultView; // offset and strides of batch, head and token
    uint heads, tokens, channels, rotated;
    uint tablePositions;   // rows of the table
    int largestShift;      // a shift read from the buffer is clamped to 0 and this
    uint tableBatchStride; // rows from one batch entry to the next; 0 shares the table
END_PARAMETERS
