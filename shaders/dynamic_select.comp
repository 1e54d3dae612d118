// SPDX-License-Identifier: Apache-2.0
// First pass of dynamic sparse attention: per query, the least score to keep (runtime/kernels/sparse_attention.hpp).
//
// By threshold: the highest score less the threshold. By rank: a heap holds the highest scores met, where as many as are
// sought fit it. Otherwise the sought score is found digit by digit, as in a radix sort: the keys are walked once for
// every five bits, scores that begin with the bits known are counted by the next five, until no query of the workgroup
// seeks more than the heap holds, or all bits are known.
//
// Grid: (tiles of queries, 1, batch * heads).
#version 450
#extension GL_GOOGLE_include_directive : require
#define PARAMETER_BINDING 3
#include "dynamic_scores.glsl"

layout(constant_id = 7) const bool byThreshold = false;
layout(constant_id = 8) const bool byHeap = false; // `sought` is at most `slots`

layout(std430, set = 0, binding = 2) writeonly buffer Bounds { uvec2 bounds[]; }; // codes: least to keep, highest

const uint digitBits = 5u;
const uint slots = 1u << digitBits; // of the heap, and counters of a digit

shared uint memory[byThreshold ? 1u : slots * queriesPerGroup]; // owned by the lane that owns the query
shared uint mostSought;

uint at(uint slot) { return slot * queriesPerGroup + ownRow(); }

// Puts `code` into a heap of `size` codes, whose root is the least, in place of the root if it is higher. Returns the
// root.
uint offer(uint code, uint size) {
    uint root = memory[at(0)];
    if (code <= root)
        return root;
    uint hole = 0u;
    for (uint child = 1u; child < size; child = 2u * hole + 1u) {
        uint least = memory[at(child)];
        if (child + 1u < size && memory[at(child + 1u)] < least)
            least = memory[at(++child)];
        if (least >= code)
            break;
        memory[at(hole)] = least;
        hole = child;
    }
    memory[at(hole)] = code;
    return memory[at(0)];
}

void main() {
    bool owner = gl_LocalInvocationIndex < queriesPerGroup;
    uint highest = 0u;
    bool found = byThreshold || !owner;
    uint bound = 0u;           // its bits from `unknownBits` on are known
    uint unknownBits = 32u;
    uint seeking = sought;     // rank among the codes that begin with those bits
    bool heap = byThreshold || byHeap;

    beginScores();
    while (true) {
        uint shift = unknownBits - min(unknownBits, digitBits);
        // Lanes that look for nothing have an empty range.
        uint low = found ? 1u : max(bound, 1u);
        uint high = found ? 0u : bound | 0xffffffffu >> (32u - unknownBits);
        if (!found)
            for (uint slot = 0; slot < slots; ++slot)
                memory[at(slot)] = 0u;

        uint first = 0u;
        while (first < tokens) {
            uint keys = 0u, tile;
            do {
                tile = first;
                scoreTile(first);
                keys = keysBetween(low, high, first, highest);
                first += keysPerStep;
            } while (!isWanted(keys) && first < tokens);
            if (byThreshold)
                continue;
            if (!byHeap) {
                uint counted = heap ? 0u : keys;
                while (counted != 0u) {
                    uint code = scoreCode(ownScore(uint(findLSB(counted))));
                    counted &= counted - 1u;
                    ++memory[at((code >> shift) & (slots - 1u))];
                }
            }
            keys = heap ? keys : 0u;
            while (keys != 0u) {
                uint code = scoreCode(ownScore(uint(findLSB(keys))));
                keys &= keys - 1u;
                low = max(low, offer(code, seeking) + 1u);
            }
        }
        if (byThreshold)
            break;

        if (!found && heap) {
            bound = memory[at(0)];
            found = true;
        } else if (!found) {
            uint digit = slots - 1u;
            uint count = memory[at(digit)];
            while (count < seeking && digit > 0u) {
                seeking -= count;
                count = memory[at(--digit)];
            }
            bound |= digit << shift;
            found = count == seeking || shift == 0u; // all that begin like this are kept
        }
        if (byHeap)
            break;
        unknownBits = shift;
        barrier();
        if (gl_LocalInvocationIndex == 0u)
            mostSought = 0u;
        barrier();
        atomicMax(mostSought, found ? 0u : seeking);
        barrier();
        if (mostSought == 0u)
            break;
        heap = mostSought <= slots;
    }

    if (byThreshold)
        bound = scoreCode(codeScore(highest) - threshold);
    if (owner && firstToken() + ownRow() < tokens)
        bounds[gl_WorkGroupID.z * tokens + ownToken()] = uvec2(bound, highest);
}
