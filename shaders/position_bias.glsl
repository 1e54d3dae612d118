// SPDX-License-Identifier: Apache-2.0
// Continuous position bias of deformable attention (Swin V2, arXiv 2111.09883): an MLP of the distance between a query
// and a key. Included by the attention kernels and by position_bias.comp, so that a table (bias_table.glsl) is built by
// the very code it stands in for.
//
// The includer declares: biasDims, headsPerGroup, mlpWidth, mlpPairs, logDistance, and vec4 biasVector(uint), float
// biasFloat(uint) over the packed weights.
//
// Packed weights (packPositionBias in runtime/kernels/position_bias.cpp), W' = width rounded up to 8, all in vec4:
//     W'               (first layer's weights for channels 0, 1, 2; its bias) per hidden unit
//     W'/8 * W' * 2    second layer: for each 8 outputs, for each input, the 8 weights
//     W'/4             second layer's bias
//     outputs * W'/4   last layer
//     outputs / 4      last layer's bias
const uint mlpPadded = (mlpWidth + 7u) / 8u * 8u;
const uint mlpSecond = mlpPadded;
const uint mlpSecondBias = mlpSecond + mlpPadded / 8u * mlpPadded * 2u;
const uint mlpLast = mlpSecondBias + mlpPadded / 4u;

// Hidden units whose weights are read at once: one, or, with LANE_BROADCAST, one per lane, handed round.
#ifdef LANE_BROADCAST
const uint mlpReaders = gl_WorkGroupSize.x;
#else
const uint mlpReaders = 1u;
#endif

float biasCoordinate(float p) {
    if (!logDistance)
        return p;
    float magnitude = log(abs(p) + 1.0);
    return p < 0.0 ? -magnitude : magnitude;
}

vec3 biasCoordinates(vec3 p) {
    return vec3(biasCoordinate(p.x), biasDims > 1u ? biasCoordinate(p.y) : 0.0,
                biasDims > 2u ? biasCoordinate(p.z) : 0.0);
}

// Eight hidden units of the second layer at a time stay in registers; the first layer, a few multiplications per unit,
// is recomputed for each eight rather than stored. Weights are the same for all lanes and serve `mlpPairs` pairs.
void exactBias(vec3 u[mlpPairs], uint outputIndex, out float result[mlpPairs]) {
    float last = biasFloat((mlpLast + headsPerGroup * (mlpPadded / 4u)) * 4u + outputIndex);
    [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
        result[p] = last;
    for (uint block = 0; block < mlpPadded / 8u; ++block) {
        vec4 low[mlpPairs], high[mlpPairs];
        vec4 lowBias = biasVector(mlpSecondBias + block * 2u);
        vec4 highBias = biasVector(mlpSecondBias + block * 2u + 1u);
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p) {
            low[p] = lowBias;
            high[p] = highBias;
        }
        uint second = mlpSecond + block * mlpPadded * 2u;
        for (uint i = 0; i < mlpPadded; i += mlpReaders) {
            uint own = i + (mlpReaders > 1u ? gl_LocalInvocationIndex : 0u);
            vec4 firstRead = biasVector(own);
            vec4 lowRead = biasVector(second + own * 2u);
            vec4 highRead = biasVector(second + own * 2u + 1u);
            [[unroll]] for (uint lane = 0; lane < mlpReaders; ++lane) {
                vec4 first = FROM_LANE(firstRead, lane);
                vec4 lowWeights = FROM_LANE(lowRead, lane);
                vec4 highWeights = FROM_LANE(highRead, lane);
                [[unroll]] for (uint p = 0; p < mlpPairs; ++p) {
                    float hidden = first.w + first.x * u[p].x;
                    if (biasDims > 1u)
                        hidden += first.y * u[p].y;
                    if (biasDims > 2u)
                        hidden += first.z * u[p].z;
                    hidden = max(hidden, 0.0);
                    low[p] += hidden * lowWeights;
                    high[p] += hidden * highWeights;
                }
            }
        }
        uint row = mlpLast + outputIndex * (mlpPadded / 4u) + block * 2u;
        vec4 lowLast = biasVector(row);
        vec4 highLast = biasVector(row + 1u);
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
            result[p] += dot(max(low[p], vec4(0)), lowLast) + dot(max(high[p], vec4(0)), highLast);
    }
}
