/* SPDX-License-Identifier: Apache-2.0 */
/* Block layouts of sparse attention as other libraries build them: input "layout" of the module SparseAttention.
 * Part of the same library as saccade.h, whose rules on structures, errors and threads hold here too. */
#ifndef SACCADE_SACCADE_LAYOUTS_H_
#define SACCADE_SACCADE_LAYOUTS_H_

#include <saccade/saccade.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which blocks of keys a block of queries sees, as DeepSpeed's VariableSparsityConfig builds it (without horizontal
 * global attention and without global ranges). In each head, row (block of queries) and column (block of keys) count
 * from 0, and a block is seen if one of these says so:
 *   random   `randomBlocks` different columns in every row, anywhere in the row, also above the diagonal.
 *   local    the sequence is cut into windows of localWindowBlocks[0], [1], ... blocks, the last size again and again;
 *            a row sees its window, if causal only up to its own column.
 *   global   column globalBlockIndices[i], if it lies within the layout, is seen by all rows; if causal, by the rows
 *            from that index on.
 * Random columns differ from DeepSpeed's, which draws from Python's global generator. They are the same on every
 * platform: row after row, heads in order, Floyd's sampling (for j from blocks - randomBlocks to blocks - 1: t below
 * j + 1 is drawn, column t is taken, or column j if t was taken before) with t = (j + 1) * (r >> 32) >> 32, r the next
 * number of SplitMix64 (Steele, Lea and Flood 2014) whose state begins as `seed`. */
typedef struct SacVariableLayoutInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_VARIABLE_LAYOUT_INFO */
    const void* pNext;
    uint32_t heads;                     /* required, at most 65536 */
    uint32_t blocks;                    /* required, at most 65536: tokens / block size, rounded up */
    uint32_t randomBlocks;              /* at most `blocks` */
    uint32_t localWindowCount;          /* 0: one window of 4 blocks */
    const uint32_t* localWindowBlocks;  /* each at least 1; may reach beyond the sequence */
    uint32_t globalBlockCount;          /* 0: none */
    const uint32_t* globalBlockIndices; /* in any order; indices from `blocks` on are ignored */
    VkBool32 causal;                    /* DeepSpeed's attention = "unidirectional" */
    VkBool32 differentLayoutPerHead;    /* VK_FALSE: random columns are drawn once, all heads equal the first */
    uint64_t seed;
} SacVariableLayoutInfo;

#ifndef SAC_NO_PROTOTYPES

/* Writes layout[heads][blocks][blocks], 1 where a block is seen, 0 elsewhere: input "layout" of SparseAttention.
 * layoutSize is heads * blocks * blocks, in bytes. Needs no context; any thread.
 * Errors: INVALID_ARGUMENT; then `layout` is as it was. */
SAC_API SacResult VKAPI_CALL sacBuildVariableLayout(const SacVariableLayoutInfo* info, size_t layoutSize,
                                                    uint8_t* layout, SacError* error);

#endif

typedef SacResult(VKAPI_PTR* PFN_sacBuildVariableLayout)(const SacVariableLayoutInfo* info, size_t layoutSize,
                                                         uint8_t* layout, SacError* error);

#ifdef __cplusplus
}
#endif

#endif /* SACCADE_SACCADE_LAYOUTS_H_ */
