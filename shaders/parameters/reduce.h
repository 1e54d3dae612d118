// SPDX-License-Identifier: Apache-2.0
#include "parameters/block.h"

BEGIN_PARAMETERS(ReduceParameters)
    uvec4 rowSizes[5];             // of the axes of rows, as divisors
    uvec4 rowStrides[5];           // of source and result along each axis
    uvec4 divisorRows;             // of `rows`
    uvec4 divisorSegments;         // of `segments`
    uint rows;                     // or vectors of four rows
    uint length;                   // of a row, in elements, or in vectors where they lie along it
    uint segments;                 // that a row is cut into
    uint segmentLength;            // the last may be shorter
    uint sourceOffset, sourceStep; // elements from one step along the row to the next
    uint resultOffset, resultStep;
    float scale; // a sum's: 1 / n for the mean
    float epsilon;
END_PARAMETERS
