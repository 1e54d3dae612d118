#include "parameters/block.h"

BEGIN_PARAMETERS(ImagesToTokensParameters)
    uint height, width; // in tokens
END_PARAMETERS
