/* SPDX-License-Identifier: Apache-2.0 */
/* The header that saccade bake writes, as a C compiler and a program see it. */
#include "baked.h"
#include <stdio.h>
#include <string.h>

static int failed;
static void check(int ok, const char* what) {
    if (!ok) {
        fprintf(stderr, "%s\n", what);
        failed = 1;
    }
}

int main(void) {
    uint64_t weights = 0;
    uint32_t i, b;
    check(!strcmp(baked.module, "DeformableAttention2D"), "another module");
    check(baked.tensorCount == 2 && !strcmp(baked.tensors[0].name, "x") && baked.tensors[0].input == 1 &&
              baked.tensors[0].imageCount == 1 && baked.tensors[0].rank == 4 && baked.tensors[0].shape[1] == 64 &&
              baked.tensors[0].shape[3] == 16,
          "x is not one image of 64 channels at 16x16");
    check(baked.uploadCount == 0 && !baked.upload, "something to upload without a table");
    check(baked.runCount > 0 && baked.shaderCount > 0 && baked.bufferCount > 0, "an empty list");
    for (i = 0; i < baked.shaderCount; ++i)
        check(baked.shaders[i].codeSize > 20 && baked.shaders[i].code[0] == 0x07230203u &&
                  !strcmp(baked.shaders[i].entryPoint, "main") && baked.shaders[i].workgroupSize[0] > 0,
              baked.shaders[i].name);
    for (i = 0; i < baked.bufferCount; ++i) {
        const char* memory = baked.buffers[i].memory;
        const int holds = memory && (!strcmp(memory, "weights") || !strcmp(memory, "parameters"));
        check(baked.buffers[i].size > 0 && holds == (baked.buffers[i].data != NULL), "a buffer without data, or with");
        if (memory && !strcmp(memory, "weights"))
            weights += baked.buffers[i].size;
    }
    check(weights > 64 * 64 * 4, "weights are missing");
    for (i = 0; i < baked.runCount; ++i) {
        const SaccadeBakedDispatch* dispatch = &baked.run[i];
        check(dispatch->shader < baked.shaderCount && dispatch->groups[0] > 0, dispatch->name);
        for (b = 0; b < dispatch->bindingCount; ++b)
            check(dispatch->bindings[b].buffer < baked.bufferCount && dispatch->bindings[b].tensor < baked.tensorCount,
                  dispatch->bindings[b].kind);
    }
    return failed;
}
