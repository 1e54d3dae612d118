// SPDX-License-Identifier: Apache-2.0
// The score matrix of attention, made visible at one stage of its making (ONNX Attention's qk_matmul_output), and
// its softmax: an aid for inspection and interchange, not a fast path.
//
// A workgroup has one query, and its lanes share the keys. The softmax takes its own maximum and sum. Scores of another
// summation order would not do: at large scores their rounding moves a weight by more than the weight.
//
// Grid: (1, queries, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#define FIRST_OPTIONAL 4
#include "attention_interface.glsl"
#include "lane_broadcast.glsl"
#include "attention_modifiers.glsl"
#include "attention_pair.glsl"

layout(std430, set = 0, binding = 2) buffer Result { T result[]; };
// Scores, then weights before their division by the sum, which halves would round.
#ifdef STORE_F16
layout(std430, set = 0, binding = 3) buffer Kept { float kept[]; };
#else
#define kept result
#endif

const uint stageScaled = 0;
const uint stageBiased = 1;
const uint stageSoftcapped = 2;
const uint stageSoftmax = 3;

const uint lanes = gl_WorkGroupSize.x;
shared float partial[lanes];

float maximumOverLanes(float value) {
    partial[gl_LocalInvocationIndex] = value;
    barrier();
    for (uint i = 0; i < lanes; ++i)
        value = max(value, partial[i]);
    barrier(); // `partial` may be written again
    return value;
}

float sumOverLanes(float value) {
    partial[gl_LocalInvocationIndex] = value;
    barrier();
    float sum = 0.0;
    for (uint i = 0; i < lanes; ++i)
        sum += partial[i];
    return sum;
}

float shownScore(float score, QueryRow row, Key key, uint walk) {
    if (shownStage == stageScaled)
        return score;
    float bias = positionBiasOf(row, key);
    if (softcapFirst && shownStage == stageSoftcapped)
        return hasSoftcap ? cappedScore(score) : score;
    if (!softcapFirst && shownStage == stageBiased)
        return biasedScore(score, row, key, walk, bias);
    return modifiedScore(score, row, key, walk, bias);
}

void main() {
    uint lane = gl_LocalInvocationIndex;
    uint i = gl_WorkGroupID.y;
    beginHead();
    uint qAt = qView.x + batch * qView.y + head * qView.z + i * qView.w;
    uint kBase = kView.x + batch * kView.y + head / headsPerKv * kView.z;
    uint to = (gl_WorkGroupID.z * queries + i) * keys;
    QueryRow row = queryRow(walkToken(i)); // the walk is its own inverse

    float highest = hiddenScore;
    for (uint j = lane; j < keys; j += lanes) {
        uint walk = walkToken(j);
        Key key = attentionKey(walk, j < keyEnd);
        float score = hasFlag(key, keyExists) || shownStage == stageScaled ? scaledScore(qAt, kBase + j * kView.w) : 0.0;
        score = shownScore(score, row, key, walk);
        if (shownStage == stageSoftmax) {
            score = softmaxScore(score);
            highest = max(highest, score);
            kept[to + j] = score;
        } else {
            result[to + j] = stored(shownStage != stageScaled && isHidden(score) ? shownHidden : score);
        }
    }
    if (shownStage != stageSoftmax)
        return;

    highest = maximumOverLanes(highest);
    float total = 0.0;
    for (uint j = lane; j < keys; j += lanes) {
        // Where all keys are hidden, those that exist have equal weights or none.
        float weight = highest > startMaximum ? exp(kept[to + j] - highest)
                       : averagesEmpty && j < keyEnd ? 1.0 : 0.0;
        total += weight;
        kept[to + j] = weight;
    }
    total = sumOverLanes(total);
    float inverse = total > 0.0 ? 1.0 / total : 0.0;
    for (uint j = lane; j < keys; j += lanes)
        result[to + j] = stored(withNan(kept[to + j] * inverse, highest >= poisonedScore && j < keyEnd));
}
