/* SPDX-License-Identifier: Apache-2.0 */
/* The library as a plugin takes it: opened by path, every function by its name, through the pointer types alone. The
 * pointers have the functions' own names, which the prototypes would forbid.
 *
 *     dlopen_c LIBRARY
 */
#define SAC_NO_PROTOTYPES
#include <saccade/saccade.h>
#include <saccade/saccade_layouts.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int ok, const char* what, const char* why) {
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}
#define SUCCEEDS(call) check((call) == SAC_SUCCESS, #call, error.message)

/* ISO C has no conversion of a pointer to a function. */
static void load(void* library, const char* name, void* function) {
    void* const symbol = dlsym(library, name);
    check(symbol != NULL, name, "is not exported");
    memcpy(function, &symbol, sizeof(symbol));
}
#define LOAD(name)                                                                                                     \
    PFN_##name name;                                                                                                   \
    load(library, #name, &name)

int main(int argc, char** argv) {
    void* const library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL);
    check(argc > 1 && library, "dlopen", "the library cannot be opened");
    LOAD(sacResultString);
    LOAD(sacGetVersion);
    LOAD(sacQueryDevice);
    LOAD(sacCreateContext);
    LOAD(sacDestroyContext);
    LOAD(sacCreateModel);
    LOAD(sacDestroyModel);
    LOAD(sacGetModuleName);
    LOAD(sacGetModelModule);
    LOAD(sacGetModuleDescription);
    LOAD(sacGetModuleKeys);
    LOAD(sacGetModuleTensors);
    LOAD(sacGetModelTensors);
    LOAD(sacCreatePlan);
    LOAD(sacDestroyPlan);
    LOAD(sacGetPlanMemory);
    LOAD(sacGetPlanTensors);
    LOAD(sacGetPlanProperties);
    LOAD(sacGetPlanStages);
    LOAD(sacGetPlanMemoryParts);
    LOAD(sacGetPlanAccess);
    LOAD(sacGetPlanDispatches);
    LOAD(sacGetPlanShaders);
    LOAD(sacGetPlanShaderCode);
    LOAD(sacWriteWeights);
    LOAD(sacWriteParameters);
    LOAD(sacWriteMemoryParts);
    LOAD(sacCmdUpload);
    LOAD(sacCmdRun);
    LOAD(sacBuildVariableLayout);

    check(sacGetVersion() == SAC_VERSION, "sacGetVersion", "is another version");
    check(sacGetModuleName(0) != NULL, "sacGetModuleName", "has no module");
    check(!strcmp(sacResultString(SAC_ERROR_CANCELLED), "SAC_ERROR_CANCELLED"), "sacResultString", "is wrong");

    /* A plan for a device that is nowhere: from the configuration to what it binds. */
    SacError error;
    const SacDeviceProfile profile = {.sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE,
                                      .apiVersion = VK_API_VERSION_1_1,
                                      .subgroupSize = 32,
                                      .maxComputeWorkGroupInvocations = 256,
                                      .maxComputeWorkGroupSize = {256, 256, 64},
                                      .maxComputeWorkGroupCount = {65535, 65535, 65535},
                                      .maxComputeSharedMemorySize = 32768,
                                      .maxPushConstantsSize = 128,
                                      .maxPerStageDescriptorStorageBuffers = 16,
                                      .maxStorageBufferRange = 1u << 30,
                                      .minStorageBufferOffsetAlignment = 16};
    const SacContextInfo contextInfo = {
        .sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO, .apiVersion = SAC_VERSION, .profile = &profile};
    SacContext context;
    SUCCEEDS(sacCreateContext(&contextInfo, &context, &error));
    const SacModelInfo modelInfo = {
        .sType = SAC_STRUCTURE_TYPE_MODEL_INFO, .module = "grid_sample", .config = "{\"dims\": 2}"};
    SacModel model;
    SUCCEEDS(sacCreateModel(context, &modelInfo, &model, &error));
    check(!strcmp(sacGetModelModule(model), "grid_sample"), "sacGetModelModule", "is wrong");
    const SacTensorDesc inputs[2] = {
        {.sType = SAC_STRUCTURE_TYPE_TENSOR_DESC, .name = "grid", .rank = 4, .shape = {1, 6, 7, 2}},
        {.sType = SAC_STRUCTURE_TYPE_TENSOR_DESC, .name = "x", .rank = 4, .shape = {1, 3, 4, 5}}};
    const SacPlanInfo planInfo = {.sType = SAC_STRUCTURE_TYPE_PLAN_INFO, .inputCount = 2, .inputs = inputs};
    SacPlan plan;
    SUCCEEDS(sacCreatePlan(model, &planInfo, &plan, &error));
    SacTensorInfo tensors[3] = {{.sType = SAC_STRUCTURE_TYPE_TENSOR_INFO},
                                {.sType = SAC_STRUCTURE_TYPE_TENSOR_INFO},
                                {.sType = SAC_STRUCTURE_TYPE_TENSOR_INFO}};
    uint32_t count = 3;
    SUCCEEDS(sacGetPlanTensors(plan, &count, tensors, &error));
    check(count == 3 && !strcmp(tensors[0].name, "grid") && !strcmp(tensors[1].name, "x") &&
              !strcmp(tensors[2].name, "y"),
          "sacGetPlanTensors", "has another order");
    check(tensors[2].size == 3 * 6 * 7 * sizeof(float), "sacGetPlanTensors", "has another size of y");
    SacMemoryRequirements memory = {.sType = SAC_STRUCTURE_TYPE_MEMORY_REQUIREMENTS};
    SUCCEEDS(sacGetPlanMemory(plan, SAC_MEMORY_WORKSPACE, &memory, &error));
    const SacRunInfo run = {.sType = SAC_STRUCTURE_TYPE_RUN_INFO};
    check(sacCmdRun(plan, VK_NULL_HANDLE, &run, &error) == SAC_ERROR_INVALID_ARGUMENT, "sacCmdRun", "records nowhere");
    sacDestroyPlan(plan);
    sacDestroyModel(model);
    sacDestroyContext(context);
    return EXIT_SUCCESS; /* the library stays open: sanitizers read its symbols at exit */
}
