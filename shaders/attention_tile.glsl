// SPDX-License-Identifier: Apache-2.0
// The tile of queries that a workgroup computes, with a running softmax (FlashAttention, arXiv 2205.14135): its rows, how
// they begin, take a step of keys and end. Shared by attention_gpu.comp and attention_cpu.comp, which differ in how lanes
// come by keys, values and scores.
//
// Each query belongs to `lanesPerQuery` lanes, which share its channels: a lane has every lanesPerQuery-th vector of
// four. Each lane serves `queriesPerLane` queries.
#define FIRST_OPTIONAL 4
#include "attention_interface.glsl"
#include "lane_broadcast.glsl"
#include "attention_modifiers.glsl"
#include "attention_pair.glsl"

layout(std430, set = 0, binding = 2) readonly buffer V { T v1[]; };
layout(std430, set = 0, binding = 2) readonly buffer V4 { T4 v4[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Out { T out1[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Out4 { T4 out4[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Parts { vec4 parts4[]; }; // where keys are split over workgroups

const uint lanes = gl_WorkGroupSize.x;
const uint pairs = queriesPerLane * keysPerStep; // of a step
const uint rowLanes = lanes / lanesPerQuery;
const uint voVectors = (valueDim + 3u) / 4u; // of four channels
const uint qkShare = (qkVectors + lanesPerQuery - 1u) / lanesPerQuery;
const uint voShare = (voVectors + lanesPerQuery - 1u) / lanesPerQuery;

uint share;   // of the query's channels, that this lane has
uint rowLane; // of the tile's lanes per query, this one's
uint kBase, vBase;
uint firstRow, lastRow;
KeyRange range;  // of the tile
uint begin, end; // places of this workgroup's part of the keys

QueryRow rows[queriesPerLane];
vec4 q[queriesPerLane * qkShare];
vec4 sums[queriesPerLane * voShare]; // of weighted values
float maximum[queriesPerLane];
float total[queriesPerLane]; // of weights

DEFINE_LOAD(loadV, v1, v4, vectorVo, valueDim)

// The vector of channels that is this lane's c-th; behind the last one it is repeated.
uint qkVector(uint c) { return min(c * lanesPerQuery + share, qkVectors - 1u); }
uint voVector(uint c) { return min(c * lanesPerQuery + share, voVectors - 1u); }
bool hasQk(uint c) { return (c + 1u) * lanesPerQuery <= qkVectors || c * lanesPerQuery + share < qkVectors; }
bool hasVo(uint c) { return (c + 1u) * lanesPerQuery <= voVectors || c * lanesPerQuery + share < voVectors; }

// The token of the key at a place; behind the last one it is repeated, so that it can be read.
uint tokenAt(uint place) { return min(walkToken(walkOfPlace(range, min(place, end - 1u))), keyEnd - 1u); }

void beginTile() {
    share = gl_LocalInvocationIndex % lanesPerQuery;
    rowLane = gl_LocalInvocationIndex / lanesPerQuery;
    beginHead();
    kBase = kView.x + batch * kView.y + head / headsPerKv * kView.z;
    vBase = vView.x + batch * vView.y + head / headsPerKv * vView.z;
    firstRow = gl_WorkGroupID.x * rowLanes * queriesPerLane;
    lastRow = min(firstRow + rowLanes * queriesPerLane, walkLength(queries)) - 1u;
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        rows[r] = queryRow(min(firstRow + r * rowLanes + rowLane, lastRow));
        uint at = qView.x + batch * qView.y + head * qView.z + rows[r].token * qView.w;
        // Behind the last vector q is zero, and keys must not be infinite.
        [[unroll]] for (uint c = 0; c < qkShare; ++c)
            q[r * qkShare + c] = hasQk(c) ? loadQ(at, qkVector(c)) * scale : vec4(0);
        [[unroll]] for (uint c = 0; c < voShare; ++c)
            sums[r * voShare + c] = vec4(0);
        maximum[r] = startMaximum;
        total[r] = 0.0;
    }

    range = visitedKeys(firstRow, lastRow);
    uint places = placeCount(range);
    uint perPart = (places + gl_NumWorkGroups.y - 1u) / gl_NumWorkGroups.y;
    perPart = (perPart + keysPerStep - 1u) / keysPerStep * keysPerStep;
    begin = min(gl_WorkGroupID.y * perPart, places);
    end = min(begin + perPart, places);
}

// The running softmax takes a step: scores [query][key] become weights, and what was summed shrinks if the maximum grew.
void weigh(inout float scores[pairs]) {
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        float highest = maximum[r];
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j)
            highest = max(highest, scores[r * keysPerStep + j]);
        float shrink = exp(maximum[r] - highest);
        maximum[r] = highest;
        total[r] *= shrink;
        [[unroll]] for (uint j = 0; j < keysPerStep; ++j) {
            float weight = exp(scores[r * keysPerStep + j] - highest);
            scores[r * keysPerStep + j] = weight;
            total[r] += weight;
        }
        [[unroll]] for (uint c = 0; c < voShare; ++c)
            sums[r * voShare + c] *= shrink;
    }
}

// Hidden keys have a weight of zero, which keeps out all of their values but infinities and NaN. Rows with such a sum are
// summed again, key by key and without the hidden ones; their softmax stands.
void resumInfinite() {
    bool again[queriesPerLane];
    bool any = false;
    float most[queriesPerLane], sum[queriesPerLane];
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        bool finite = true;
        [[unroll]] for (uint c = 0; c < voShare; ++c)
            finite = finite && (!hasVo(c) || areFinite(sums[r * voShare + c]));
        again[r] = !finite && maximum[r] < poisonedScore;
        any = any || again[r];
        most[r] = startMaximum;
        sum[r] = 0.0;
        [[unroll]] for (uint c = 0; c < voShare; ++c)
            sums[r * voShare + c] = again[r] ? vec4(0) : sums[r * voShare + c];
    }
    // Lanes that hand each other weights of the position bias walk together.
    if (laneBroadcast && biasMode == biasExact) {
        uint own = any ? 1u : 0u;
        [[unroll]] for (uint i = 0; i < keysPerStep; ++i)
            any = any || FROM_LANE(own, i) != 0u;
    }
    for (uint place = begin; any && place < end; ++place) {
        uint walk = walkOfPlace(range, place);
        Key key = attentionKey(walk, true);
        if (!hasFlag(key, keyExists))
            continue;
        [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
            uint qAt = qView.x + batch * qView.y + head * qView.z + rows[r].token * qView.w;
            float score = scaledScore(qAt, kBase + key.token * kView.w);
            score = softmaxScore(modifiedScore(score, rows[r], key, walk, positionBiasOf(rows[r], key)));
            bool seen = again[r] && score > startMaximum;
            float highest = seen ? max(most[r], score) : most[r];
            float shrink = exp(most[r] - highest);
            float weight = seen ? exp(score - highest) : 0.0;
            most[r] = highest;
            sum[r] = sum[r] * shrink + weight;
            [[unroll]] for (uint c = 0; c < voShare; ++c) {
                vec4 v = loadV(vBase + key.token * vView.w, voVector(c));
                if (seen)
                    sums[r * voShare + c] = sums[r * voShare + c] * shrink + weight * v;
            }
        }
    }
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
        [[unroll]] for (uint c = 0; c < voShare; ++c)
            if (sum[r] > 0.0)
                sums[r * voShare + c] *= total[r] / sum[r];
}

// A query that saw no key has every score at -FLT_MAX: equal weights for all keys there are.
void averageEmpty() {
    uint slice = (keyEnd + gl_NumWorkGroups.y - 1u) / gl_NumWorkGroups.y;
    uint key = min(gl_WorkGroupID.y * slice, keyEnd);
    uint sliceEnd = min(key + slice, keyEnd);
    float count = float(sliceEnd - key);
    bool empty[queriesPerLane];
    bool any = false;
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        empty[r] = total[r] == 0.0;
        any = any || empty[r];
        total[r] = empty[r] ? count : total[r];
        maximum[r] = empty[r] ? hiddenScore : maximum[r];
    }
    for (; any && key < sliceEnd; ++key)
        [[unroll]] for (uint c = 0; c < voShare; ++c) {
            vec4 v = loadV(vBase + key * vView.w, voVector(c));
            [[unroll]] for (uint r = 0; r < queriesPerLane; ++r)
                sums[r * voShare + c] += empty[r] ? v : vec4(0);
        }
}

void storeOut(uint at, uint vector, vec4 value) {
    if (vectorVo) {
        out4[at / 4u + vector] = stored4(value);
        return;
    }
    [[unroll]] for (uint i = 0; i < 4u; ++i)
        if (vector * 4u + i < valueDim)
            out1[at + vector * 4u + i] = stored(value[i]);
}

void endTile() {
    if (mayHide)
        resumInfinite();
    if (averagesEmpty)
        averageEmpty();
    bool merged = gl_NumWorkGroups.y > 1u; // by attention_reduce.comp
    [[unroll]] for (uint r = 0; r < queriesPerLane; ++r) {
        uint walk = firstRow + r * rowLanes + rowLane;
        if (walk > lastRow || walkToken(walk) >= queries)
            continue;
        uint part = ((gl_WorkGroupID.z * queries + rows[r].token) * gl_NumWorkGroups.y + gl_WorkGroupID.y) *
                    (voVectors + 1u);
        uint at = outView.x + batch * outView.y + head * outView.z + rows[r].token * outView.w;
        float inverse = withNan(total[r] > 0.0 ? 1.0 / total[r] : 0.0, maximum[r] >= poisonedScore);
        [[unroll]] for (uint c = 0; c < voShare; ++c)
            if (hasVo(c)) {
                if (merged)
                    parts4[part + voVector(c)] = sums[r * voShare + c];
                else
                    storeOut(at, voVector(c), sums[r * voShare + c] * inverse);
            }
        if (merged && share == 0u)
            parts4[part + voVectors] = vec4(maximum[r], total[r], 0, 0);
    }
}
