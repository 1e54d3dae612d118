// SPDX-License-Identifier: Apache-2.0
// Indirect dispatch commands behind a switch: workgroups as pushed where the switch is not 0, else none.
// Grid: one workgroup with an invocation for each number.
#version 450

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0) readonly buffer Enable { uint enable; };
layout(set = 0, binding = 1) writeonly buffer Commands { uint commands[]; }; // x, y, z of each dispatch

layout(push_constant) uniform Push {
    uint count; // of the numbers
    uint groups[30];
};

void main() {
    const uint i = gl_LocalInvocationIndex;
    if (i < count)
        commands[i] = enable != 0u ? groups[i] : 0u;
}
