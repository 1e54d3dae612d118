// SPDX-License-Identifier: Apache-2.0
// Attention's features, alone and mixed, as descriptions, and how a device may cut them.
#pragma once

#include <cmath>
#include <ostream>
#include <string>

#include "attention_reference.hpp"
#include "kernels/attention_tuning.hpp"

namespace saccade::test {

struct AttentionCase {
    const char* name;
    void (*describe)(AttentionDesc& desc);
};

inline void PrintTo(const AttentionCase& c, std::ostream* stream) { *stream << c.name; }

// Two batch entries, four heads of 20, 37 queries, 43 keys as heads side by side, but for what the case says.
inline AttentionDesc description(const AttentionCase& c) {
    AttentionDesc desc;
    desc.batch = 2;
    desc.heads = desc.kvHeads = 4;
    desc.queries = 37;
    desc.keys = 43;
    desc.headDim = desc.valueDim = 20;
    c.describe(desc);
    desc.scale = 1 / std::sqrt(static_cast<float>(desc.headDim));
    desc.q = AttentionView::tokens(desc.queries, desc.heads * desc.headDim, desc.headDim);
    desc.k = AttentionView::heads(desc.kvHeads, desc.keys, desc.headDim);
    desc.v = AttentionView::tokens(desc.keys, 2 * desc.kvHeads * desc.valueDim + 4, desc.valueDim, 4);
    desc.out = AttentionView::tokens(desc.queries, desc.heads * desc.valueDim + 8, desc.valueDim, 4);
    return desc;
}

inline std::array<uint32_t, 4> fullStrides(const AttentionDesc& desc, uint32_t queries) {
    return {desc.heads * queries * desc.keys, queries * desc.keys, desc.keys, 1};
}

inline void positionBias(AttentionDesc& desc, PositionBiasDesc::Mode mode, uint32_t dims, uint32_t headsPerGroup,
                         bool quads = false, uint32_t rowLength = 5) {
    PositionBiasDesc& bias = desc.positionBias;
    bias.mode = mode;
    bias.dims = dims;
    bias.headsPerGroup = headsPerGroup;
    bias.logDistance = dims != 2 || mode == PositionBiasDesc::Mode::exact;
    bias.width = 11;
    bias.tableQuads = quads;
    for (uint32_t c = 0, stride = 1; c < dims; stride *= bias.gridSize[c++]) {
        bias.gridSize[c] = c + 1 < dims ? rowLength : divideUp(desc.queries, stride);
        bias.gridStride[c] = stride;
        bias.divisor[c] = static_cast<float>(4 + c);
        bias.tableSize[c] = 9 + 4 * c;
        bias.tableOrigin[c] = -1.75f;
        bias.tableStep[c] = 3.25f / static_cast<float>(8 + 4 * c); // some distances lie beyond the table
    }
}

inline void textAndImage(AttentionDesc& desc, AttentionPattern pattern, uint32_t missing) {
    desc.pattern = pattern;
    desc.textLength = 9;
    desc.imageSize = 6;
    desc.windowSize = 3;
    desc.windowDilation = 2;
    desc.queries = desc.keys = 45 - missing;
    desc.keyMask = true;
    desc.keyMaskStride = 9;
}

inline const AttentionCase attentionCases[] = {
    {"plain", [](AttentionDesc&) {}},
    {"oddWidths",
     [](AttentionDesc& d) {
         d.headDim = 13;
         d.valueDim = 33;
     }},
    {"wideHeads",
     [](AttentionDesc& d) {
         d.batch = 1;
         d.headDim = 80;
         d.valueDim = 72;
         d.empty = AttentionDesc::Empty::zeros;
         d.causal = true;
         d.causalOffset = -3; // the first queries see nothing
     }},
    {"sharedKeys",
     [](AttentionDesc& d) {
         d.heads = 6;
         d.kvHeads = 2;
         d.alibi = true;
         d.causal = true;
         d.causalOffset = 6;
     }},
    {"halves",
     [](AttentionDesc& d) {
         d.half = true;
         d.headDim = d.valueDim = 32;
         d.causal = true;
         d.causalOffset = 6;
     }},
    {"oneQuery",
     [](AttentionDesc& d) {
         d.queries = 1;
         d.keys = 139;
         d.headDim = d.valueDim = 16;
     }},
    {"oneKey",
     [](AttentionDesc& d) {
         d.keys = 1;
         d.headDim = 3;
         d.valueDim = 8;
     }},
    {"biasAndCap",
     [](AttentionDesc& d) {
         d.denseBias = true;
         d.denseBiasOffset = 3;
         d.denseBiasStrides = fullStrides(d, d.queries);
         d.softcap = 1.5f;
     }},
    {"capThenBias",
     [](AttentionDesc& d) {
         d.denseBias = true;
         d.denseBiasStrides = {0, d.keys, 0, 1};
         d.softcap = 0.75f;
         d.softcapBeforeBias = true;
         d.alibi = true;
     }},
    {"keyMask",
     [](AttentionDesc& d) {
         d.leadingKeys = 2;
         d.keyMask = true;
         d.keyMaskStride = d.keys - 2;
         d.denseBias = true;
         d.denseBiasStrides = {0, 0, d.keys, 1};
     }},
    {"emptyRows",
     [](AttentionDesc& d) {
         d.causal = true;
         d.causalOffset = -10;
     }},
    {"lengths",
     [](AttentionDesc& d) {
         d.lengths = d.lengthsPerBatch = d.keysFromLength = d.causalFromLength = d.causal = true;
         d.keysPlus = 20;
     }},
    {"maskFromLength",
     [](AttentionDesc& d) {
         d.lengths = d.staticMaskFromLength = d.staticMask = true;
         d.staticMaskQueryOffset = 2;
         d.staticMaskStrides = fullStrides(d, d.queries + 20);
         d.keyMask = true;
         d.keyMaskStride = d.keys;
     }},
    {"blocks",
     [](AttentionDesc& d) {
         d.pattern = AttentionPattern::blocks;
         d.blockSize = 7;
         d.layoutPerHead = true;
         d.keyMask = true;
         d.keyMaskStride = d.keys;
         d.causal = true;
         d.causalOffset = 6;
     }},
    {"window", [](AttentionDesc& d) { textAndImage(d, AttentionPattern::convWindow, 4); }},
    {"rows", [](AttentionDesc& d) { textAndImage(d, AttentionPattern::axialRow, 0); }},
    {"columns", [](AttentionDesc& d) { textAndImage(d, AttentionPattern::axialColumn, 1); }},
    {"exactBias", [](AttentionDesc& d) { positionBias(d, PositionBiasDesc::Mode::exact, 2, 2); }},
    {"exactVolumeAndMask",
     [](AttentionDesc& d) {
         positionBias(d, PositionBiasDesc::Mode::exact, 3, 4);
         d.keyMask = true;
         d.keyMaskStride = d.keys;
     }},
    {"table", [](AttentionDesc& d) { positionBias(d, PositionBiasDesc::Mode::table, 1, 1); }},
    {"tableOfCorners", [](AttentionDesc& d) { positionBias(d, PositionBiasDesc::Mode::table, 2, 2, true); }},
    // Rows longer than a CPU driver's subgroup and no multiple of it.
    {"tableOfLongRows", [](AttentionDesc& d) { positionBias(d, PositionBiasDesc::Mode::table, 2, 2, true, 11); }},
    {"tableOfNodes", [](AttentionDesc& d) { positionBias(d, PositionBiasDesc::Mode::table, 2, 4); }},
    {"volumeOfCorners", [](AttentionDesc& d) { positionBias(d, PositionBiasDesc::Mode::table, 3, 2, true); }},
};

/// Keys split over three workgroups, channels over two lanes, keys read where they lie.
inline AttentionTuning splitKeys() {
    AttentionTuning tuning;
    tuning.lanes = 16;
    tuning.queriesPerLane = 2;
    tuning.lanesPerQuery = 2;
    tuning.keysPerStep = 4;
    tuning.mlpPairs = 2;
    tuning.parts = 3;
    return tuning;
}

} // namespace saccade::test
