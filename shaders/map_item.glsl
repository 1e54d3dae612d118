// SPDX-License-Identifier: Apache-2.0
// The pixel and channel of an invocation where kernels walk over a channels-last map, whose parameters have `items`,
// `divisorChannels` and `divisorColumns`; and the batch, row, column and channel as one vector, which strides of a map
// are multiplied with. Included behind the parameters.
#include "division.glsl"

uvec4 mapItem(uint item, uint channelsAtOnce) {
    const uint pixel = quotient(item, divisorChannels), channel = item - pixel * divisorChannels.x;
    const uint row = quotient(pixel, divisorColumns);
    return uvec4(gl_WorkGroupID.z, row, pixel - row * divisorColumns.x, channel * channelsAtOnce);
}

uint mapPlace(uint offset, uvec4 strides, uvec4 at) {
    const uvec4 steps = strides * at;
    return offset + steps.x + steps.y + (steps.z + steps.w);
}
