// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(DisplacedGridParameters)
    uint heads, width, height;
END_PARAMETERS
