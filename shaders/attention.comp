// Blocked attention with a running softmax (FlashAttention, arXiv 2205.14135): see runtime/kernels/attention.hpp.
//
// A workgroup walks the keys its tile of queries may see, a few at a time. Each query belongs to `laneSplit` lanes which
// share its channels; each lane serves `rowCount` queries. On a GPU the channels are split and keys and values pass
// through shared memory. On CPU drivers a workgroup is one subgroup, lanes are queries and hand each other the keys
// (lane_broadcast.glsl). Both are this source with other constants.
//
// Grid: (query tiles, parts of the keys, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#define FIRST_OPTIONAL 4
#include "attention_interface.glsl"
#include "lane_broadcast.glsl"
#include "attention_modifiers.glsl"
#include "attention_pair.glsl"

layout(std430, set = 0, binding = 2) readonly buffer V { T v1[]; };
layout(std430, set = 0, binding = 2) readonly buffer V4 { T4 v4[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Out { T out1[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Out4 { T4 out4[]; };
layout(std430, set = 0, binding = 3) writeonly buffer Parts { vec4 parts4[]; };

const uint lanes = gl_WorkGroupSize.x;
const uint rowLanes = lanes / laneSplit;
const uint voVectors = (valueDim + 3u) / 4u; // of four channels
const uint qkOwn = (qkVectors + laneSplit - 1u) / laneSplit; // of them, a lane's share: every laneSplit-th
const uint voOwn = (voVectors + laneSplit - 1u) / laneSplit;
const uint ownKeys = keyCount / laneSplit; // keys per row and step whose scores this lane completes
const uint ownPairs = rowCount * ownKeys;
const uint exchangeStride = lanes + 1u; // odd, so that lanes of one query meet different banks
const bool staged = stagedKeys > 0u;
// Whether the lanes' queries share the coordinate of a channel: tiles begin at multiples of the lanes.
const bool alike0 = laneBroadcast && !columnOrder && gridStride0 % lanes == 0u;
const bool alike1 = laneBroadcast && !columnOrder && gridStride1 % lanes == 0u;
const bool alike2 = laneBroadcast && !columnOrder && gridStride2 % lanes == 0u;
const uint stagedStride = qkVectors + voVectors + 1u;

shared float partialScores[laneSplit > 1u ? rowCount * keyCount * exchangeStride : 1u];
shared float finishedScores[laneSplit > 1u ? rowCount * keyCount * rowLanes : 1u];
shared vec4 stagedTile[staged ? stagedKeys * stagedStride : 1u];

vec4 loadV(uint at, uint vector) {
    if (vectorVo)
        return vec4(v4[at / 4u + vector]);
    uint first = vector * 4u;
    uint end = valueDim - 1u;
    return vec4(float(v1[at + min(first, end)]), first + 1u < valueDim ? float(v1[at + min(first + 1u, end)]) : 0.0,
                first + 2u < valueDim ? float(v1[at + min(first + 2u, end)]) : 0.0,
                first + 3u < valueDim ? float(v1[at + min(first + 3u, end)]) : 0.0);
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

// The keys a tile of queries visits, in walk order: [0, firstEnd), then [secondBegin, secondEnd). A place among them is
// numbered through, so that they split evenly over workgroups.
struct Visit {
    uint firstEnd;
    uint secondBegin;
    uint secondEnd;
};

Visit visitedKeys(uint firstRow, uint lastRow, Extent extent) {
    Visit visit = Visit(extent.keys, 0u, 0u);
    if (isCausal)
        visit.firstEnd = uint(clamp(int(lastRow) + extent.causalOffset + 1, 0, int(extent.keys)));
    if (textAndImage) {
        visit.firstEnd = min(lastRow < patternA ? lastRow + 1u : patternA, extent.keys);
        if (lastRow >= patternA) {
            uint row = (max(firstRow, patternA) - patternA) / patternB;
            if (pattern == patternConvWindow) {
                uint reach = ((patternC & 0xffffu) - 1u) * (patternC >> 16);
                row -= min(row, reach);
            }
            visit.secondBegin = patternA + row * patternB;
            visit.secondEnd = max(min(lastRow + 1u, walkLength(extent.keys)), visit.secondBegin);
        }
    }
    return visit;
}

uint visitedWalk(Visit visit, uint place) {
    if (!textAndImage)
        return place;
    return place < visit.firstEnd ? place : place - visit.firstEnd + visit.secondBegin;
}

bool anyBlockVisible(uint firstRow, uint lastRow, uint firstKey, uint lastKey, uint head) {
    bool any = false;
    uint base = (layoutPerHead ? head : 0u) * patternB;
    for (uint i = firstRow / patternA; i <= lastRow / patternA; ++i)
        for (uint j = firstKey / patternA; j <= lastKey / patternA; ++j)
            any = any || optionalByte(layoutSlot, (base + i) * patternC + j);
    return any;
}

void main() {
    uint lane = gl_LocalInvocationIndex;
    uint share = lane % laneSplit;
    uint rowLane = lane / laneSplit;
    uint batch = gl_WorkGroupID.z / heads;
    uint head = gl_WorkGroupID.z % heads;
    uint kBase = kView.x + batch * kView.y + head / headsPerKv * kView.z;
    uint vBase = vView.x + batch * vView.y + head / headsPerKv * vView.z;
    Extent extent = attentionExtent(batch);
    float slope = hasAlibi ? optionalFloat(slopesSlot, head) : 0.0;

    uint firstRow = gl_WorkGroupID.x * rowLanes * rowCount;
    uint lastRow = min(firstRow + rowLanes * rowCount, walkLength(queries)) - 1u;

    QueryRow rows[rowCount];
    vec4 q[rowCount * qkOwn];
    vec4 sums[rowCount * voOwn]; // of weighted values
    float maximum[rowCount];
    float total[rowCount]; // of weights
    [[unroll]] for (uint r = 0; r < rowCount; ++r) {
        rows[r] = queryRow(min(firstRow + r * rowLanes + rowLane, lastRow), batch, head, extent);
        uint at = qView.x + batch * qView.y + head * qView.z + rows[r].token * qView.w;
        [[unroll]] for (uint c = 0; c < qkOwn; ++c) {
            uint vector = c * laneSplit + share;
            q[r * qkOwn + c] = vector < qkVectors ? loadQ(at, vector) * scale : vec4(0);
        }
        [[unroll]] for (uint c = 0; c < voOwn; ++c)
            sums[r * voOwn + c] = vec4(0);
        maximum[r] = startMaximum;
        total[r] = 0.0;
    }

    Visit visit = visitedKeys(firstRow, lastRow, extent);
    uint places = visit.firstEnd + visit.secondEnd - visit.secondBegin;
    uint perPart = (places + gl_NumWorkGroups.y - 1u) / gl_NumWorkGroups.y;
    perPart = (perPart + keyCount - 1u) / keyCount * keyCount;
    uint begin = min(gl_WorkGroupID.y * perPart, places);
    uint end = min(begin + perPart, places);
    uint stagedBegin = 0;
    uint stagedEnd = 0;

    for (uint place = begin; place < end; place += keyCount) {
        if (pattern == patternBlocks) {
            while (place < end &&
                   !anyBlockVisible(firstRow, lastRow, place, min(place + keyCount, end) - 1u, head))
                place += keyCount;
            if (place >= end)
                break;
        }
        if (staged && place + keyCount > stagedEnd) {
            stagedBegin = place;
            stagedEnd = place + stagedKeys;
            barrier();
            for (uint i = lane; i < stagedKeys * (qkVectors + voVectors); i += lanes) {
                uint t = i / (qkVectors + voVectors);
                uint c = i % (qkVectors + voVectors);
                uint token = min(walkToken(visitedWalk(visit, min(place + t, end - 1u))), extent.keys - 1u);
                stagedTile[t * stagedStride + c] =
                    c < qkVectors        ? loadK(kBase + token * kView.w, c)
                    : place + t < end ? loadV(vBase + token * vView.w, c - qkVectors)
                                         : vec4(0);
            }
            barrier();
        }

        // Scores of this lane's channels.
        uint kAt[keyCount], vAt[keyCount];
        uint kOwn = 0, vOwn = 0;
        if (laneBroadcast) {
            uint token = min(walkToken(visitedWalk(visit, min(place + lane, end - 1u))), extent.keys - 1u);
            kOwn = kBase + token * kView.w;
            vOwn = vBase + token * vView.w;
        } else {
            [[unroll]] for (uint j = 0; j < keyCount; ++j) {
                uint token = min(walkToken(visitedWalk(visit, min(place + j, end - 1u))), extent.keys - 1u);
                kAt[j] = staged ? (place + j - stagedBegin) * stagedStride : kBase + token * kView.w;
                vAt[j] = staged ? kAt[j] + qkVectors : vBase + token * vView.w;
            }
        }
        float scores[rowCount * keyCount];
        [[unroll]] for (uint i = 0; i < rowCount * keyCount; ++i)
            scores[i] = 0.0;
        [[unroll]] for (uint c = 0; c < qkOwn; ++c) {
            uint vector = min(c * laneSplit + share, qkVectors - 1u);
            // Behind the last vector q is zero, and k must not be infinite.
            bool inside = (c + 1u) * laneSplit <= qkVectors || c * laneSplit + share < qkVectors;
            vec4 mine = laneBroadcast ? loadK(kOwn, vector) : vec4(0);
            [[unroll]] for (uint j = 0; j < keyCount; ++j) {
                vec4 k = laneBroadcast ? FROM_LANE(mine, j)
                         : !inside     ? vec4(0)
                         : staged      ? stagedTile[kAt[j] + vector]
                                       : loadK(kAt[j], vector);
                [[unroll]] for (uint r = 0; r < rowCount; ++r)
                    scores[r * keyCount + j] += dot(q[r * qkOwn + c], k);
            }
        }

        // Whole scores of this lane's keys, then their biases and masks.
        float own[ownPairs];
        if (laneSplit > 1u) {
            [[unroll]] for (uint i = 0; i < rowCount * keyCount; ++i)
                partialScores[i * exchangeStride + lane] = scores[i];
            barrier();
            [[unroll]] for (uint r = 0; r < rowCount; ++r)
                [[unroll]] for (uint jj = 0; jj < ownKeys; ++jj) {
                    uint at = (r * keyCount + jj * laneSplit + share) * exchangeStride + rowLane * laneSplit;
                    float score = 0.0;
                    [[unroll]] for (uint s = 0; s < laneSplit; ++s)
                        score += partialScores[at + s];
                    own[r * ownKeys + jj] = score;
                }
        } else {
            [[unroll]] for (uint i = 0; i < ownPairs; ++i)
                own[i] = scores[i];
        }
        Key keysHere[ownKeys];
        uint walks[ownKeys];
        Key mineKey;
        uint mineWalk = 0;
        if (laneBroadcast) {
            mineWalk = visitedWalk(visit, min(place + lane, end - 1u));
            mineKey = attentionKey(mineWalk, place + lane < end, batch, head, extent);
        }
        [[unroll]] for (uint jj = 0; jj < ownKeys; ++jj) {
            if (laneBroadcast) {
                walks[jj] = FROM_LANE(mineWalk, jj);
                keysHere[jj].token = FROM_LANE(mineKey.token, jj);
                keysHere[jj].flags = FROM_LANE(mineKey.flags, jj);
                keysHere[jj].cell = FROM_LANE(mineKey.cell, jj);
                keysHere[jj].position = FROM_LANE(mineKey.position, jj);
            } else {
                uint p = place + jj * laneSplit + share;
                walks[jj] = visitedWalk(visit, min(p, end - 1u));
                keysHere[jj] = attentionKey(walks[jj], p < end, batch, head, extent);
            }
        }
        float bias[ownPairs];
        if (biasMode == biasExact) {
            [[unroll]] for (uint first = 0; first < ownPairs; first += mlpPairs) {
                vec3 u[mlpPairs];
                float result[mlpPairs];
                [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
                    u[p] = biasCoordinates(rows[(first + p) / ownKeys].position -
                                           keysHere[(first + p) % ownKeys].position);
                exactBias(u, head % headsPerGroup, result);
                [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
                    bias[first + p] = result[p];
            }
        } else if (biasMode == biasTable) {
            // On axes along which the lanes' queries agree (in an image, all but the last), one lane finds the place of
            // each key for all, which saves most of the logarithms.
            [[unroll]] for (uint r = 0; r < rowCount; ++r) {
                vec3 agreed = vec3(0);
                if (laneBroadcast)
                    agreed = tablePositions(biasCoordinates(rows[r].position - mineKey.position));
                [[unroll]] for (uint jj = 0; jj < ownKeys; ++jj) {
                    vec3 position = tablePositions(biasCoordinates(rows[r].position - keysHere[jj].position));
                    if (alike0)
                        position.x = FROM_LANE(agreed.x, jj);
                    if (alike1)
                        position.y = FROM_LANE(agreed.y, jj);
                    if (alike2)
                        position.z = FROM_LANE(agreed.z, jj);
                    bias[r * ownKeys + jj] = tableBias(position, head % headsPerGroup);
                }
            }
        } else {
            [[unroll]] for (uint p = 0; p < ownPairs; ++p)
                bias[p] = 0.0;
        }
        [[unroll]] for (uint p = 0; p < ownPairs; ++p)
            own[p] = softmaxScore(modifiedScore(own[p], rows[p / ownKeys], keysHere[p % ownKeys], walks[p % ownKeys],
                                                bias[p], slope));
        if (laneSplit > 1u) {
            [[unroll]] for (uint r = 0; r < rowCount; ++r)
                [[unroll]] for (uint jj = 0; jj < ownKeys; ++jj)
                    finishedScores[(r * keyCount + jj * laneSplit + share) * rowLanes + rowLane] =
                        own[r * ownKeys + jj];
            barrier();
            [[unroll]] for (uint i = 0; i < rowCount * keyCount; ++i)
                scores[i] = finishedScores[i * rowLanes + rowLane];
        } else {
            [[unroll]] for (uint i = 0; i < ownPairs; ++i)
                scores[i] = own[i];
        }

        // Running softmax: scores become weights; what was summed so far shrinks if the maximum grew.
        float shrink[rowCount];
        [[unroll]] for (uint r = 0; r < rowCount; ++r) {
            float highest = maximum[r];
            [[unroll]] for (uint j = 0; j < keyCount; ++j)
                highest = max(highest, scores[r * keyCount + j]);
            shrink[r] = exp(maximum[r] - highest);
            maximum[r] = highest;
            total[r] *= shrink[r];
            [[unroll]] for (uint j = 0; j < keyCount; ++j) {
                float weight = exp(scores[r * keyCount + j] - highest);
                scores[r * keyCount + j] = weight;
                total[r] += weight;
            }
        }
        [[unroll]] for (uint c = 0; c < voOwn; ++c) {
            uint vector = min(c * laneSplit + share, voVectors - 1u); // behind the last, the sum is not stored
            [[unroll]] for (uint r = 0; r < rowCount; ++r)
                sums[r * voOwn + c] *= shrink[r];
            vec4 mine = laneBroadcast && place + lane < end ? loadV(vOwn, vector) : vec4(0);
            [[unroll]] for (uint j = 0; j < keyCount; ++j) {
                vec4 v = laneBroadcast           ? FROM_LANE(mine, j)
                         : staged                ? stagedTile[vAt[j] + vector]
                         : place + j < end  ? loadV(vAt[j], vector)
                                                 : vec4(0);
                [[unroll]] for (uint r = 0; r < rowCount; ++r)
                    sums[r * voOwn + c] += scores[r * keyCount + j] * v;
            }
        }
    }

    // Hidden keys have a weight of zero, which keeps out all of their values but infinities and NaN. Rows with such a sum
    // are summed again, key by key and without the hidden ones; their softmax stands.
    if (mayHide) {
        bool again[rowCount];
        bool any = false;
        float most[rowCount], sum[rowCount];
        [[unroll]] for (uint r = 0; r < rowCount; ++r) {
            bool finite = true;
            [[unroll]] for (uint c = 0; c < voOwn; ++c)
                finite = finite && (c * laneSplit + share >= voVectors || areFinite(sums[r * voOwn + c]));
            again[r] = !finite && maximum[r] < poisonedScore;
            any = any || again[r];
            most[r] = startMaximum;
            sum[r] = 0.0;
            [[unroll]] for (uint c = 0; c < voOwn; ++c)
                sums[r * voOwn + c] = again[r] ? vec4(0) : sums[r * voOwn + c];
        }
        // Lanes that hand each other weights of the position bias walk together.
        if (laneBroadcast && biasMode == biasExact) {
            uint own = any ? 1u : 0u;
            [[unroll]] for (uint i = 0; i < keyCount; ++i)
                any = any || FROM_LANE(own, i) != 0u;
        }
        for (uint place = begin; any && place < end; ++place) {
            uint walk = visitedWalk(visit, place);
            Key key = attentionKey(walk, true, batch, head, extent);
            if (!hasFlag(key, keyExists))
                continue;
            [[unroll]] for (uint r = 0; r < rowCount; ++r) {
                uint qAt = qView.x + batch * qView.y + head * qView.z + rows[r].token * qView.w;
                float score = softmaxScore(modifiedScore(scaledScore(qAt, kBase + key.token * kView.w), rows[r], key, walk,
                                                         positionBiasOf(rows[r], key, head), slope));
                bool seen = again[r] && score > startMaximum;
                float highest = seen ? max(most[r], score) : most[r];
                float shrink = exp(most[r] - highest);
                float weight = seen ? exp(score - highest) : 0.0;
                most[r] = highest;
                sum[r] = sum[r] * shrink + weight;
                [[unroll]] for (uint c = 0; c < voOwn; ++c) {
                    vec4 v = loadV(vBase + key.token * vView.w, min(c * laneSplit + share, voVectors - 1u));
                    if (seen)
                        sums[r * voOwn + c] = sums[r * voOwn + c] * shrink + weight * v;
                }
            }
        }
        [[unroll]] for (uint r = 0; r < rowCount; ++r)
            [[unroll]] for (uint c = 0; c < voOwn; ++c)
                if (sum[r] > 0.0)
                    sums[r * voOwn + c] *= total[r] / sum[r];
    }

    // A query that saw no key has every score at -FLT_MAX: equal weights for all keys there are.
    if (averagesEmpty) {
        uint slice = (extent.keys + gl_NumWorkGroups.y - 1u) / gl_NumWorkGroups.y;
        uint key = min(gl_WorkGroupID.y * slice, extent.keys);
        uint sliceEnd = min(key + slice, extent.keys);
        float count = float(sliceEnd - key);
        bool empty[rowCount];
        bool any = false;
        [[unroll]] for (uint r = 0; r < rowCount; ++r) {
            empty[r] = total[r] == 0.0;
            any = any || empty[r];
            total[r] = empty[r] ? count : total[r];
            maximum[r] = empty[r] ? hiddenScore : maximum[r];
        }
        for (; any && key < sliceEnd; ++key)
            [[unroll]] for (uint c = 0; c < voOwn; ++c) {
                vec4 v = loadV(vBase + key * vView.w, min(c * laneSplit + share, voVectors - 1u));
                [[unroll]] for (uint r = 0; r < rowCount; ++r)
                    sums[r * voOwn + c] += empty[r] ? v : vec4(0);
            }
    }

    [[unroll]] for (uint r = 0; r < rowCount; ++r) {
        uint walk = firstRow + r * rowLanes + rowLane;
        if (walk <= lastRow && walkToken(walk) < queries) {
            if (writesParts) {
                uint at = ((gl_WorkGroupID.z * queries + rows[r].token) * gl_NumWorkGroups.y + gl_WorkGroupID.y) *
                          (voVectors + 1u);
                [[unroll]] for (uint c = 0; c < voOwn; ++c)
                    if (c * laneSplit + share < voVectors)
                        parts4[at + c * laneSplit + share] = sums[r * voOwn + c];
                if (share == 0u)
                    parts4[at + voVectors] = vec4(maximum[r], total[r], 0, 0);
            } else {
                float inverse = withNan(total[r] > 0.0 ? 1.0 / total[r] : 0.0, maximum[r] >= poisonedScore);
                uint at = outView.x + batch * outView.y + head * outView.z + rows[r].token * outView.w;
                [[unroll]] for (uint c = 0; c < voOwn; ++c)
                    if (c * laneSplit + share < voVectors)
                        storeOut(at, c * laneSplit + share, sums[r * voOwn + c] * inverse);
            }
        }
    }
}
