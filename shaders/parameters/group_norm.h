// SPDX-License-Identifier: Apache-2.0
// Of all three shaders of a group norm.
#include "parameters/block.h"

BEGIN_PARAMETERS(GroupNormParameters)
    uvec4 divisorWidth; // of `width`
    uvec4 divisorGroup; // of the channels of a group
    uint tokens, channels;
    uint width;       // of a token, in channels or vectors of four
    uint chunks;      // that the tokens are cut into for the statistics
    uint chunkTokens; // the last may be shorter
    uint sourceOffset, sourceBatchStride, sourceStride;
    uint resultOffset, resultBatchStride, resultStride;
    float epsilon;
    float activationA, activationB;
END_PARAMETERS
