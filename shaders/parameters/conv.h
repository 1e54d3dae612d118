// SPDX-License-Identifier: Apache-2.0
// Convolutions, as a matrix product over taps and channels and depthwise. Vectors are (width, height, depth).
#include "parameters/block.h"

BEGIN_PARAMETERS(ConvParameters)
    uvec4 size, outSize, taps, stride, padding, dilation;
    // As in GemmParameters; depth is the channels of a group, a row is a pixel of the result.
    uint rows, columns, depth, groups;
    uint aOffset, aStride, aBatchStride;
    uint outOffset, outStride, outBatchStride;
    uint residualOffset, residualStride, residualBatchStride;
    uint weightBatchStride;
    float alpha;
    float activationA, activationB;
    uint shuffle; // factor of a pixel shuffle on the way out
END_PARAMETERS
