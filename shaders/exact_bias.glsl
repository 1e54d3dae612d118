// SPDX-License-Identifier: Apache-2.0
// The continuous position bias (position_bias.glsl) of pairs of queries and keys that have nothing to do with each other.
//
// The includer declares: headsPerGroup, mlpPairs, and vec4 biasVector(uint), float biasFloat(uint) over the packed
// weights.
// Hidden units whose weights are read at once: one, or, with LANE_BROADCAST, one per lane, handed round.
#ifdef LANE_BROADCAST
const uint mlpReaders = gl_WorkGroupSize.x;
#else
const uint mlpReaders = 1u;
#endif

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
        for (uint i = 0; i < mlpPadded; i += mlpReaders) {
            uint own = i + (mlpReaders > 1u ? gl_LocalInvocationIndex : 0u);
            vec4 firstRead = biasVector(own);
            uint second = mlpSecond + own * (mlpPadded / 4u) + block * 2u;
            vec4 lowRead = biasVector(second);
            vec4 highRead = biasVector(second + 1u);
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
