// SPDX-License-Identifier: Apache-2.0
// How kernels walk over a channels-last map. An invocation takes a pixel and some of its channels: four that lie side by
// side (`vectors`), or `chunk` of them one by one. The parameters have `items`, `divisorChannels` (of a pixel's pieces)
// and `divisorColumns`. Included behind the parameters, whose strides are those of batch, row, column and channel.
#include "division.glsl"

// Batch, row, column and first channel.
uvec4 mapItem(uint item, uint channels) {
    const uint pixel = quotient(item, divisorChannels), piece = item - pixel * divisorChannels.x;
    const uint row = quotient(pixel, divisorColumns);
    return uvec4(gl_WorkGroupID.z, row, pixel - row * divisorColumns.x, piece * channels);
}

uint mapPlace(uint offset, uvec4 strides, uvec4 at) {
    const uvec4 steps = strides * at;
    return offset + steps.x + steps.y + (steps.z + steps.w);
}

// `name` reads the channels at a place.
#define CHANNEL_LOADER(name, elements, elements4, stride)                                                              \
    vec4 name(uint place) {                                                                                            \
        if (vectors)                                                                                                   \
            return vec4(elements4[place >> 2]);                                                                        \
        vec4 x = vec4(0.0);                                                                                            \
        [[unroll]] for (int i = 0; i < chunk; ++i) x[i] = float(elements[place + uint(i) * stride]);                   \
        return x;                                                                                                      \
    }

// `name` writes them.
#define CHANNEL_STORER(name, elements, elements4, stride)                                                              \
    void name(uint place, vec4 x) {                                                                                    \
        if (vectors)                                                                                                   \
            elements4[place >> 2] = stored4(x);                                                                        \
        else                                                                                                           \
            [[unroll]] for (int i = 0; i < chunk; ++i) elements[place + uint(i) * stride] = stored(x[i]);              \
    }
