// SPDX-License-Identifier: Apache-2.0
// Second of group norm: from the moments of chunks and channels, mean and factor of each channel. A workgroup takes a
// group of channels.
// Grid: (groups, 1, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "division.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool hasScale = true;
layout(constant_id = 2) const uint invocations = 64; // of the workgroup

layout(set = 0, binding = 0) readonly buffer Moments { vec2 moments[]; };
layout(set = 0, binding = 1) readonly buffer Scale { float scale[]; };
layout(set = 0, binding = 2) writeonly buffer Coefficients { float coefficients[]; }; // (batch, mean and factor, channel)

#define PARAMETER_BINDING 3
#include "parameters/group_norm.h"

shared float shares[invocations];

float sumOverGroup(float value) {
    barrier(); // earlier reads of `shares` are over
    shares[gl_LocalInvocationIndex] = value;
    for (uint reach = invocations / 2; reach > 0; reach /= 2) {
        barrier();
        if (gl_LocalInvocationIndex < reach)
            shares[gl_LocalInvocationIndex] += shares[gl_LocalInvocationIndex + reach];
    }
    barrier();
    return shares[0];
}

float tokensOf(uint chunk) { return float(min(chunkTokens, tokens - chunk * chunkTokens)); }

void main() {
    const uint batch = gl_WorkGroupID.z, perGroup = divisorGroup.x;
    const uint firstChannel = gl_WorkGroupID.x * perGroup;
    const uint base = batch * chunks * channels + firstChannel;

    float sum = 0.0;
    for (uint i = gl_LocalInvocationIndex; i < chunks * perGroup; i += invocations) {
        const uint chunk = quotient(i, divisorGroup);
        sum += moments[base + chunk * channels + (i - chunk * perGroup)].x * tokensOf(chunk);
    }
    const float count = float(tokens) * float(perGroup);
    const float mean = sumOverGroup(sum) / count;
    float squares = 0.0;
    for (uint i = gl_LocalInvocationIndex; i < chunks * perGroup; i += invocations) {
        const uint chunk = quotient(i, divisorGroup);
        const vec2 moment = moments[base + chunk * channels + (i - chunk * perGroup)];
        const float d = moment.x - mean;
        squares += moment.y + d * d * tokensOf(chunk);
    }
    const float factor = inversesqrt(sumOverGroup(squares) / count + epsilon);
    for (uint i = gl_LocalInvocationIndex; i < perGroup; i += invocations) {
        const uint channel = firstChannel + i, target = batch * 2 * channels + channel;
        coefficients[target] = mean;
        coefficients[target + channels] = factor * (hasScale ? scale[channel] : 1.0);
    }
}
