// SPDX-License-Identifier: Apache-2.0
// Elementwise product of two tensors, the second through an activation: gated units, scales per channel or for all.
// Either may be broadcast. Grid: (flat index over rows and channels, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "types.glsl"
#include "activation.glsl"

// The second factor is of the storage type, or f32, as weights are.
#ifdef FACTOR_F32
#define F float
#else
#define F T
#endif

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const int activation = activationNone;

layout(set = 0, binding = 0) readonly buffer First { T first[]; };
layout(set = 0, binding = 1) readonly buffer Second { F second[]; };
layout(set = 0, binding = 2) writeonly buffer Result { T result[]; };

#define PARAMETER_BINDING 3
#include "parameters/product.h"

uint place(uvec4 view, uint row, uint channel) {
    return view.x + gl_WorkGroupID.z * view.y + row * view.z + channel * view.w;
}

void main() {
    const uint item = flatIndex();
    if (item >= rows * width)
        return;
    const uint row = item / width, channel = item % width;
    const float factor = activate(activation, float(second[place(secondView, row, channel)]), activationA, activationB);
    result[place(resultView, row, channel)] = stored(float(first[place(firstView, row, channel)]) * factor);
}
