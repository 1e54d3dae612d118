// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ConvertParameters)
    // A line is contiguous in `from`, of `length` positions; its stride steps one line. The stride of `to` steps one
    // line too, or, transposed, one position.
    uint lines, length;
    uint fromOffset, fromStride, fromBatchStride;
    uint toOffset, toStride, toBatchStride;
END_PARAMETERS
