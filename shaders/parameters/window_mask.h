// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(WindowMaskParameters)
    uint windowRows, windowColumns; // windows of a map
    uint windowHeight, windowWidth; // tokens of a window
    uint shiftHeight, shiftWidth;
    uint words; // of the mask
END_PARAMETERS
