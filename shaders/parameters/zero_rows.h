// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ZeroRowsParameters)
    uint tokens;
    uint width; // vectors or channels of a token
END_PARAMETERS
