// SPDX-License-Identifier: Apache-2.0
// A key mask as a bias: 0 for keys that are kept, `value` for masked ones and for those behind the mask.
// Grid: (flat index over keys, its overflow, batch).
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const bool hasMask = true;

layout(set = 0, binding = 0) writeonly buffer Bias { float bias[]; };
layout(set = 0, binding = 1) readonly buffer Mask { uint mask[]; }; // bytes (batch, masked)

#define PARAMETER_BINDING 2
#include "parameters/mask_bias.h"

void main() {
    const uint key = flatIndex();
    if (key >= keys)
        return;
    const uint batch = gl_WorkGroupID.z;
    bool kept = key < masked;
    if (kept && hasMask) {
        const uint byte = batch * masked + key;
        kept = (mask[byte / 4] >> (byte % 4 * 8) & 0xffu) != 0;
    }
    bias[batch * keys + key] = kept ? 0.0 : value;
}
