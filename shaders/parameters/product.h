// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ProductParameters)
    uvec4 firstView, secondView, resultView; // offset and strides of batch, row and channel
    uint rows, width;
    float activationA, activationB;
END_PARAMETERS
