// SPDX-License-Identifier: Apache-2.0
// Queries and keys, and the raw score and position bias of one pair alone, which the attention kernels need where they do
// not score many pairs at once.
layout(std430, set = 0, binding = 0) readonly buffer Q { T q1[]; };
layout(std430, set = 0, binding = 0) readonly buffer Q4 { T4 q4[]; };
layout(std430, set = 0, binding = 1) readonly buffer K { T k1[]; };
layout(std430, set = 0, binding = 1) readonly buffer K4 { T4 k4[]; };

const uint qkVectors = (headDim + 3u) / 4u; // of four channels

// Four channels of a row; those behind the last are zero. `one` and `four` are the same buffer.
#define DEFINE_LOAD(load, one, four, fourWide, channels)                                                               \
    vec4 load(uint at, uint vector) {                                                                                  \
        if (fourWide)                                                                                                  \
            return vec4(four[at / 4u + vector]);                                                                       \
        uint first = vector * 4u;                                                                                      \
        uint last = channels - 1u;                                                                                     \
        return vec4(float(one[at + min(first, last)]),                                                                 \
                    first + 1u < channels ? float(one[at + min(first + 1u, last)]) : 0.0,                              \
                    first + 2u < channels ? float(one[at + min(first + 2u, last)]) : 0.0,                              \
                    first + 3u < channels ? float(one[at + min(first + 3u, last)]) : 0.0);                             \
    }
DEFINE_LOAD(loadQ, q1, q4, vectorQk, headDim)
DEFINE_LOAD(loadK, k1, k4, vectorQk, headDim)

float scaledScore(uint qAt, uint kAt) {
    vec4 sum = vec4(0);
    for (uint c = 0; c < qkVectors; ++c)
        sum += loadQ(qAt, c) * scale * loadK(kAt, c);
    return (sum.x + sum.y) + (sum.z + sum.w);
}

float positionBiasOf(QueryRow row, Key key) {
    if (biasMode == biasExact) {
        vec3 u[mlpPairs];
        float values[mlpPairs];
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
            u[p] = biasCoordinates(row.position - key.position);
        exactBias(u, biasOutput, values);
        return values[0];
    }
    if (biasMode == biasTable)
        return tableBias(tablePositions(biasCoordinates(row.position - key.position)), biasOutput);
    return 0.0;
}
