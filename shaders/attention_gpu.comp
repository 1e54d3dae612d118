// SPDX-License-Identifier: Apache-2.0
// Attention on GPUs, and on CPU drivers without subgroup shuffles (runtime/kernels/attention.hpp). On a GPU the channels
// of a query are split over lanes, and keys and values pass through shared memory: tiles of stagedKeys are copied there,
// each lane multiplies its share of channels, and the lanes of a query exchange partial scores. With lanesPerQuery = 1
// and stagedKeys = 0 nothing is exchanged or copied.
//
// Grid: (query tiles, parts of the keys, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention_tile.glsl"

const uint ownKeys = keysPerStep / lanesPerQuery; // of a step, whose scores this lane completes
const uint ownPairs = queriesPerLane * ownKeys;
const bool staged = stagedKeys > 0u;
const uint tileVectors = qkVectors + voVectors;
const uint tileStride = tileVectors + 1u;
const uint exchangeStride = lanes + 1u; // odd, so that lanes of one query meet different banks

shared vec4 stagedTile[staged ? stagedKeys * tileStride : 1u];
shared float partialScores[lanesPerQuery > 1u ? pairs * exchangeStride : 1u];
shared float finishedScores[lanesPerQuery > 1u ? pairs * rowLanes : 1u];

uint tileBegin; // place of the first key in shared memory

void stageTile(uint place) {
    tileBegin = place;
    barrier(); // the last tile was read
    for (uint i = gl_LocalInvocationIndex; i < stagedKeys * tileVectors; i += lanes) {
        uint t = i / tileVectors;
        uint c = i % tileVectors;
        uint token = tokenAt(place + t);
        stagedTile[t * tileStride + c] = c < qkVectors     ? loadK(kBase + token * kView.w, c)
                                         : place + t < end ? loadV(vBase + token * vView.w, c - qkVectors)
                                                           : vec4(0);
    }
    barrier();
}

// Scores of this lane's channels, [query][key].
void multiplyKeys(uint place, out float scores[pairs]) {
    uint at[keysPerStep];
    [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
        at[j] = staged ? (place + j - tileBegin) * tileStride : kBase + tokenAt(place + j) * kView.w;
    [[unroll]] for (uint i = 0; i < pairs; ++i)
        scores[i] = 0.0;
    [[unroll]] for (uint c = 0; c < qkShare; ++c)
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            vec4 k = !hasQk(c) ? vec4(0) : staged ? stagedTile[at[j] + qkVector(c)] : loadK(at[j], qkVector(c));
            [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                scores[r * keysPerStep + j] += dot(q[r * qkShare + c], k);
        }
}

// From the channels' shares to whole scores of this lane's keys: every lanesPerQuery-th of the step.
void gatherScores(float scores[pairs], out float own[ownPairs]) {
    if (lanesPerQuery == 1u) {
        [[unroll]] for (uint i = 0; i < ownPairs; ++i)
            own[i] = scores[i];
        return;
    }
    [[unroll]] for (uint i = 0; i < pairs; ++i)
        partialScores[i * exchangeStride + gl_LocalInvocationIndex] = scores[i];
    barrier();
    [[unroll]] for (uint p = 0; p < ownPairs; ++p) {
        uint pair = p / ownKeys * keysPerStep + p % ownKeys * lanesPerQuery + share;
        uint at = pair * exchangeStride + rowLane * lanesPerQuery;
        own[p] = 0.0;
        [[unroll]] for (uint s = 0; s < lanesPerQuery; ++s)
            own[p] += partialScores[at + s];
    }
}

// From this lane's finished scores to those of all keys of the step.
void spreadScores(float own[ownPairs], out float scores[pairs]) {
    if (lanesPerQuery == 1u) {
        [[unroll]] for (uint i = 0; i < ownPairs; ++i)
            scores[i] = own[i];
        return;
    }
    [[unroll]] for (uint p = 0; p < ownPairs; ++p)
        finishedScores[(p / ownKeys * keysPerStep + p % ownKeys * lanesPerQuery + share) * rowLanes + rowLane] = own[p];
    barrier();
    [[unroll]] for (uint i = 0; i < pairs; ++i)
        scores[i] = finishedScores[i * rowLanes + rowLane];
}

void positionBiases(Key keysHere[ownKeys], out float bias[ownPairs]) {
    [[unroll]] for (uint first = 0; first < ownPairs; first += mlpPairs) {
        vec3 u[mlpPairs];
        float result[mlpPairs];
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p) {
            uint pair = first + p;
            u[p] = biasCoordinates(rows[pair / ownKeys].position - keysHere[pair % ownKeys].position);
            result[p] = biasMode == biasTable ? tableBias(tablePositions(u[p]), biasOutput) : 0.0;
        }
        if (biasMode == biasExact)
            exactBias(u, biasOutput, result);
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
            bias[first + p] = result[p];
    }
}

void modifyScores(uint place, inout float own[ownPairs]) {
    Key keysHere[ownKeys];
    uint walks[ownKeys];
    [[unroll]] for (uint j = 0; j < ownKeys; ++j) {
        uint p = place + j * lanesPerQuery + share;
        walks[j] = walkOfPlace(range, min(p, end - 1u));
        keysHere[j] = attentionKey(walks[j], p < end);
    }
    float bias[ownPairs];
    positionBiases(keysHere, bias);
    [[unroll]] for (uint p = 0; p < ownPairs; ++p)
        own[p] = softmaxScore(
            modifiedScore(own[p], rows[p / ownKeys], keysHere[p % ownKeys], walks[p % ownKeys], bias[p]));
}

void addValues(uint place, float weights[pairs]) {
    uint at[keysPerStep];
    [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
        at[j] = staged ? (place + j - tileBegin) * tileStride + qkVectors : vBase + tokenAt(place + j) * vView.w;
    [[unroll]] for (uint c = 0; c < voShare; ++c)
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            vec4 v = staged            ? stagedTile[at[j] + voVector(c)]
                     : place + j < end ? loadV(at[j], voVector(c))
                                       : vec4(0);
            [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                sums[r * voShare + c] += weights[r * keysPerStep + j] * v;
        }
}

void main() {
    beginTile();
    uint stagedEnd = 0u;
    for (uint place = begin; place < end; place += keysPerStep) {
        place = nextVisibleStep(place, end, firstRow, lastRow);
        if (place >= end)
            break;
        if (staged && place + keysPerStep > stagedEnd) {
            stageTile(place);
            stagedEnd = place + stagedKeys;
        }
        float scores[pairs], own[ownPairs];
        multiplyKeys(place, scores);
        gatherScores(scores, own);
        modifyScores(place, own);
        spreadScores(own, scores);
        weigh(scores);
        addValues(place, scores);
    }
    endTile();
}
