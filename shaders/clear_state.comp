// SPDX-License-Identifier: Apache-2.0
// Zeros over a range of a plan's state, where every switch that counts is not 0.
// Grid: any number of workgroups along x, which share the words between them.
#version 450

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0) readonly buffer Enable { uint enable; };
layout(set = 0, binding = 1) readonly buffer Reset { uint reset; };
layout(set = 0, binding = 2) writeonly buffer State { uint words[]; };

layout(push_constant) uniform Push {
    uint count;        // of the words
    uint enableCounts; // 0 or 1: whether the run may be skipped
    uint resetCounts;  // 0 or 1: whether the number decides, or the run resets in any case
};

void main() {
    if (enableCounts != 0u && enable == 0u || resetCounts != 0u && reset == 0u)
        return;
    const uint stride = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += stride)
        words[i] = 0u;
}
