// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(LocalAttentionParameters)
    uvec4 qView, kView, vView, outView; // offset and strides of batch, head and token
    uvec4 sizes;                        // depth, height, width, as in all that follow; w is not used
    uvec4 windows;
    uvec4 dilations; // at most the size
    uvec4 tileSize;  // queries of a workgroup
    uvec4 tiles;     // of a class
    uint heads;
    float scale;
END_PARAMETERS
