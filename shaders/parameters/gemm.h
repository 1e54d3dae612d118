// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(GemmParameters)
    // A stride steps one token in tokens-major tensors and one channel in channel-major ones.
    uint rows, columns, depth, groups;
    uint aOffset, aStride, aBatchStride;
    uint outOffset, outStride, outBatchStride;
    uint residualOffset, residualStride, residualBatchStride;
    uint weightBatchStride; // in vectors of four
    float alpha;
    float activationA, activationB;
END_PARAMETERS
