// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(MaskBiasParameters)
    uint keys, masked; // with the mask, and covered by it
    float value;       // of a key that is masked
END_PARAMETERS
