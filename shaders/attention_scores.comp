// The score matrix of attention.comp, made visible at one stage of its making (ONNX Attention's qk_matmul_output).
// One score per lane: an aid for inspection and interchange, not a fast path.
// Grid: (keys / lanes, queries, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#define FIRST_OPTIONAL 4
#include "attention_interface.glsl"
#include "lane_broadcast.glsl"
#include "attention_modifiers.glsl"

layout(std430, set = 0, binding = 0) readonly buffer Q { T q[]; };
layout(std430, set = 0, binding = 1) readonly buffer K { T k[]; };
layout(std430, set = 0, binding = 2) writeonly buffer Scores { T result[]; };
layout(std430, set = 0, binding = 3) readonly buffer Statistics { vec2 statistics[]; };

const uint stageScaled = 0;
const uint stageBiased = 1;
const uint stageSoftcapped = 2;
const uint stageSoftmax = 3;

void main() {
    uint j = gl_GlobalInvocationID.x;
    if (j >= keys)
        return;
    uint i = gl_WorkGroupID.y;
    uint batch = gl_WorkGroupID.z / heads;
    uint head = gl_WorkGroupID.z % heads;
    uint stage = outView.x; // there is no output of that name here
    float hidden = uintBitsToFloat(outView.y);
    Extent extent = attentionExtent(batch);

    // Walk places of the two tokens: the walk is its own inverse.
    uint rowWalk = walkToken(i);
    uint keyWalk = walkToken(j);
    uint qAt = qView.x + batch * qView.y + head * qView.z + i * qView.w;
    uint kAt = kView.x + batch * kView.y + head / headsPerKv * kView.z + j * kView.w;
    float score = 0.0;
    if (j < extent.keys || stage == stageScaled)
        for (uint c = 0; c < headDim; ++c)
            score += float(q[qAt + c]) * scale * float(k[kAt + c]);

    if (stage != stageScaled) {
        QueryRow row = queryRow(rowWalk, batch, head, extent);
        Key key = attentionKey(keyWalk, j < extent.keys, batch, head, extent);
        float bias = 0.0;
        if (biasMode == biasExact) {
            vec3 u[mlpPairs];
            float values[mlpPairs];
            [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
                u[p] = biasCoordinates(row.position - key.position);
            exactBias(u, head % headsPerGroup, values);
            bias = values[0];
        } else if (biasMode == biasTable) {
            bias = tableBias(tablePositions(biasCoordinates(row.position - key.position)),
                             head % headsPerGroup);
        }
        float slope = hasAlibi ? optionalFloat(slopesSlot, head) : 0.0;
        if (stage == stageSoftmax)
            score = modifiedScore(score, row, key, keyWalk, bias, slope);
        else if (softcapFirst && stage == stageSoftcapped)
            score = hasSoftcap ? cappedScore(score) : score;
        else if (!softcapFirst && stage == stageBiased)
            score = biasedScore(score, row, key, keyWalk, bias, slope);
        else
            score = modifiedScore(score, row, key, keyWalk, bias, slope);
        bool isHidden = score <= hiddenBelow;
        if (stage == stageSoftmax) {
            vec2 statistic = statistics[gl_WorkGroupID.z * queries + i];
            score = key.exists && statistic.y > 0.0 ? exp(score - statistic.x) / statistic.y : 0.0;
        } else if (isHidden) {
            score = hidden;
        }
    }
    result[(gl_WorkGroupID.z * queries + i) * keys + j] = T(score);
}
