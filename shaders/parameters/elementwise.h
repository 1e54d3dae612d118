// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ElementwiseParameters)
    uvec4 sizes[6];   // of the axes, as divisors; with vectors the last axis counts them
    uvec4 strides[6]; // of a, b, c and result along each axis
    uvec4 offsets;    // of a, b, c and result
    uint items;
    float number; // an operand without a tensor
    float activationA, activationB;
END_PARAMETERS
