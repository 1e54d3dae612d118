// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(PadParameters)
    uvec4 sizes[6];  // of the result's axes, as divisors; with vectors the last axis counts them
    uvec4 places[6]; // strides of source and result, elements before, size of the source
    uint sourceOffset, resultOffset;
    uint items;
    float value;
END_PARAMETERS
