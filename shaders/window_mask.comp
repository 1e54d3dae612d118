// SPDX-License-Identifier: Apache-2.0
// Which tokens of a window see each other after a cyclic shift (Swin Transformer, arXiv 2103.14030): the last row and
// column of windows hold tokens from both ends of the map, which are no neighbours.
// Grid: (flat index over words of four bytes, its overflow, 1).
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"

layout(set = 0, binding = 0) writeonly buffer Mask { uint mask[]; }; // bytes (batch * windows, queries, keys)

#define PARAMETER_BINDING 1
#include "parameters/window_mask.h"

// Whether the places of two tokens along an axis of the last window are from the same end of the map.
bool sameEnd(uint a, uint b, uint size, uint shift) { return (a >= size - shift) == (b >= size - shift); }

void main() {
    const uint item = flatIndex();
    if (item >= words)
        return;
    const uint tokens = windowHeight * windowWidth;
    uint word = 0;
    for (uint byte = 0; byte < 4; ++byte) {
        const uint pair = 4 * item + byte;
        const uint key = pair % tokens, query = pair / tokens % tokens;
        const uint window = pair / tokens / tokens % (windowRows * windowColumns);
        bool visible = true;
        if (window / windowColumns == windowRows - 1)
            visible = sameEnd(query / windowWidth, key / windowWidth, windowHeight, shiftHeight);
        if (window % windowColumns == windowColumns - 1)
            visible = visible && sameEnd(query % windowWidth, key % windowWidth, windowWidth, shiftWidth);
        word |= (visible ? 1u : 0u) << 8 * byte;
    }
    mask[item] = word;
}
