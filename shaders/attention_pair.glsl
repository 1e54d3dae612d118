// SPDX-License-Identifier: Apache-2.0
// Queries and keys, and the raw score and position bias of one pair alone, which the attention kernels need where they do
// not score many pairs at once.
layout(std430, set = 0, binding = 0) readonly buffer Q { T q1[]; };
layout(std430, set = 0, binding = 0) readonly buffer Q4 { T4 q4[]; };
layout(std430, set = 0, binding = 1) readonly buffer K { T k1[]; };
layout(std430, set = 0, binding = 1) readonly buffer K4 { T4 k4[]; };

const uint qkVectors = (headDim + 3u) / 4u; // of four channels

vec4 loadQ(uint at, uint vector) {
    if (vectorQk)
        return vec4(q4[at / 4u + vector]);
    uint first = vector * 4u;
    uint end = headDim - 1u;
    return vec4(float(q1[at + min(first, end)]), first + 1u < headDim ? float(q1[at + min(first + 1u, end)]) : 0.0,
                first + 2u < headDim ? float(q1[at + min(first + 2u, end)]) : 0.0,
                first + 3u < headDim ? float(q1[at + min(first + 3u, end)]) : 0.0);
}

vec4 loadK(uint at, uint vector) {
    if (vectorQk)
        return vec4(k4[at / 4u + vector]);
    uint first = vector * 4u;
    uint end = headDim - 1u;
    return vec4(float(k1[at + min(first, end)]), first + 1u < headDim ? float(k1[at + min(first + 1u, end)]) : 0.0,
                first + 2u < headDim ? float(k1[at + min(first + 2u, end)]) : 0.0,
                first + 3u < headDim ? float(k1[at + min(first + 3u, end)]) : 0.0);
}

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
