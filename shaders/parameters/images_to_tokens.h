// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ImagesToTokensParameters)
    vec4 scales[8], biases[8]; // of each image
    uvec4 places[8];           // its first workgroup, its first channel in a token
    uint height, width;        // in tokens
    uint rowChannels;          // of a token
END_PARAMETERS
