// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(NormParameters)
    // A row is (token, head): `width` elements from token * token stride + head * head stride on.
    uvec4 sourceView, resultView; // offset and strides of batch, head and token
    uint tokens, heads, width;
    float epsilon;
END_PARAMETERS
