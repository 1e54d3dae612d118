// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(AttentionReduceParameters)
    uvec4 outView; // offset and strides of batch, head and token
    uint queries, heads, parts;
END_PARAMETERS
