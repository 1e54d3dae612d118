// SPDX-License-Identifier: Apache-2.0
// Attention on CPU drivers whose subgroups can shuffle (runtime/kernels/attention.hpp). A workgroup is one subgroup and
// lanes are queries. Such a driver makes of a buffer read one scalar read per lane, even where all lanes read the same:
// so each lane reads one key of a step, and the others get it from there (lane_broadcast.glsl).
//
// Grid: (query tiles, parts of the keys, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention_tile.glsl"

// From the lane that reads it.
Key keyFromLane(Key own, uint lane) {
    Key key;
    key.token = FROM_LANE(own.token, lane);
    key.flags = FROM_LANE(own.flags, lane);
    key.cell = FROM_LANE(own.cell, lane);
    key.position = FROM_LANE(own.position, lane);
    return key;
}

// Where the table has a pair's bias. On axes whose coordinate changes at most once among the tile's queries (in an image
// all but the last), lanes find their own key's place for the first and the last query, and the others take one of the
// two from there, which saves most of the logarithms.
void tableBiases(Key own, Key step[keysPerStep], out float bias[pairs]) {
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        vec3 first = FROM_LANE(rows[r].position, 0);
        vec3 last = FROM_LANE(rows[r].position, lanes - 1u);
        vec3 ofFirst = tablePositions(biasCoordinates(first - own.position));
        vec3 ofLast = tablePositions(biasCoordinates(last - own.position));
        bvec3 isFirst = equal(rows[r].position, first);
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            vec3 position = tablePositions(biasCoordinates(rows[r].position - step[j].position));
            if (sharesAxis0)
                position.x = isFirst.x ? FROM_LANE(ofFirst.x, j) : FROM_LANE(ofLast.x, j);
            if (sharesAxis1)
                position.y = isFirst.y ? FROM_LANE(ofFirst.y, j) : FROM_LANE(ofLast.y, j);
            if (sharesAxis2)
                position.z = isFirst.z ? FROM_LANE(ofFirst.z, j) : FROM_LANE(ofLast.z, j);
            bias[r * keysPerStep + j] = tableBias(position, biasOutput);
        }
    }
}

void exactBiases(Key step[keysPerStep], out float bias[pairs]) {
    [[unroll]] for (uint first = 0; first < pairs; first += mlpPairs) {
        vec3 u[mlpPairs];
        float result[mlpPairs];
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
            u[p] = biasCoordinates(rows[(first + p) / keysPerStep].position - step[(first + p) % keysPerStep].position);
        exactBias(u, biasOutput, result);
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
            bias[first + p] = result[p];
    }
}

void main() {
    beginTile();
    uint lane = gl_LocalInvocationIndex;
    for (uint place = begin; place < end; place += keysPerStep) {
        place = nextVisibleStep(place, end, firstRow, lastRow);
        if (place >= end)
            break;
        uint ownWalk = walkOfPlace(range, min(place + lane, end - 1u));
        uint ownToken = tokenAt(place + lane);

        float scores[pairs];
        [[unroll]] for (uint i = 0; i < pairs; ++i)
            scores[i] = 0.0;
        [[unroll]] for (uint c = 0; c < qkVectors; ++c) {
            vec4 ownK = loadK(kBase + ownToken * kView.w, c);
            [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
                vec4 k = FROM_LANE(ownK, j);
                [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                    scores[r * keysPerStep + j] += dot(q[r * qkShare + c], k);
            }
        }

        Key own = attentionKey(ownWalk, place + lane < end);
        Key step[keysPerStep];
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
            step[j] = keyFromLane(own, j);
        float bias[pairs];
        [[unroll]] for (uint p = 0; p < pairs; ++p)
            bias[p] = 0.0;
        if (biasMode == biasExact)
            exactBiases(step, bias);
        else if (biasMode == biasTable)
            tableBiases(own, step, bias);
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            uint walk = FROM_LANE(ownWalk, j);
            [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
                uint p = r * keysPerStep + j;
                scores[p] = softmaxScore(modifiedScore(scores[p], rows[r], step[j], walk, bias[p]));
            }
        }

        weigh(scores);
        [[unroll]] for (uint c = 0; c < voVectors; ++c) {
            vec4 ownV = place + lane < end ? loadV(vBase + ownToken * vView.w, c) : vec4(0);
            [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
                vec4 v = FROM_LANE(ownV, j);
                [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                    sums[r * voShare + c] += scores[r * keysPerStep + j] * v;
            }
        }
    }
    endTile();
}
