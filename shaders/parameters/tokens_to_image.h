// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(TokensToImageParameters)
    vec4 scale, bias;   // scale: the reciprocal
    uint height, width; // in tokens
    uint rowChannels, firstChannel;
END_PARAMETERS
