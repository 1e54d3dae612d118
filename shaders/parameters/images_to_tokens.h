// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ImagesToTokensParameters)
    uint height, width; // in tokens
END_PARAMETERS
