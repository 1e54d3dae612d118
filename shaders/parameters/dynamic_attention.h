// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(DynamicAttentionParameters)
    uvec4 qView, kView, vView, outView; // offset and strides of batch, head and token
    uint tokens, heads;
    uint sought; // the rank of the least score to keep
    float threshold;
    float scale;
END_PARAMETERS
