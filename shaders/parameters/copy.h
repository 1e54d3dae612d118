// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(CopyParameters)
    uint heads, tokens, channels;
    uint toTokens; // that there is room for, counted from token 0 of the view; at least `tokens`
    uint fromOffset, fromBatchStride, fromHeadStride, fromTokenStride, fromChannelStride;
    uint toOffset, toBatchStride, toHeadStride, toTokenStride, toChannelStride;
END_PARAMETERS
