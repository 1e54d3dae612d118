/* SPDX-License-Identifier: Apache-2.0 */
/* The public headers by themselves, as C99 with warnings as errors: what a C compiler makes of structures, enumerations
 * and pointer types. */
#include <saccade/saccade.h>
#include <saccade/saccade_layouts.h>

#define CHECK(name, condition) typedef char name[(condition) ? 1 : -1]
#define BEGINS(S) CHECK(S##Begins, offsetof(S, sType) == 0 && offsetof(S, pNext) == sizeof(void*))
BEGINS(SacDeviceQuery);
BEGINS(SacDeviceSupport);
BEGINS(SacExtendedDeviceCreateInfo);
BEGINS(SacDeviceProfile);
BEGINS(SacContextInfo);
BEGINS(SacModelInfo);
BEGINS(SacModuleDescription);
BEGINS(SacKeyDescription);
BEGINS(SacTensorDescription);
BEGINS(SacPlanInfo);
BEGINS(SacPositionBiasInfo);
BEGINS(SacCompileJobs);
BEGINS(SacTensorDesc);
BEGINS(SacImageDesc);
BEGINS(SacTensorInfo);
BEGINS(SacMemoryRequirements);
BEGINS(SacPlanProperties);
BEGINS(SacPositionBiasProperties);
BEGINS(SacStageInfo);
BEGINS(SacMemoryPart);
BEGINS(SacResourceAccess);
BEGINS(SacUploadInfo);
BEGINS(SacRunInfo);
BEGINS(SacTensorBinding);
BEGINS(SacImageBinding);
BEGINS(SacVariableLayoutInfo);

/* As int32_t, which they are in C++. */
#define IS_32_BIT(E) CHECK(E##Is32Bit, sizeof(E) == 4)
IS_32_BIT(SacResult);
IS_32_BIT(SacStructureType);
IS_32_BIT(SacFeatureFlagBits);
IS_32_BIT(SacDeviceKind);
IS_32_BIT(SacLogSeverity);
IS_32_BIT(SacDataType);
IS_32_BIT(SacLayout);
IS_32_BIT(SacTensorFlagBits);
IS_32_BIT(SacKeyUse);
IS_32_BIT(SacKeyType);
IS_32_BIT(SacKeyFlagBits);
IS_32_BIT(SacPrecision);
IS_32_BIT(SacPlanFlagBits);
IS_32_BIT(SacPositionBiasMode);
IS_32_BIT(SacMemoryKind);
IS_32_BIT(SacUploadFlagBits);
IS_32_BIT(SacCommand);
IS_32_BIT(SacResourceType);

/* Each pointer type is that of its function: other types would be a warning. */
void saccadeHeaderPointers(void);
void saccadeHeaderPointers(void) {
#define FITS(name)                                                                                                     \
    {                                                                                                                  \
        PFN_##name pointer = name;                                                                                     \
        (void)pointer;                                                                                                 \
    }
    FITS(sacResultString)
    FITS(sacGetVersion)
    FITS(sacQueryDevice)
    FITS(sacCreateContext)
    FITS(sacDestroyContext)
    FITS(sacCreateModel)
    FITS(sacDestroyModel)
    FITS(sacGetModuleName)
    FITS(sacGetModelModule)
    FITS(sacGetModuleDescription)
    FITS(sacGetModuleKeys)
    FITS(sacGetModuleTensors)
    FITS(sacGetModelTensors)
    FITS(sacCreatePlan)
    FITS(sacDestroyPlan)
    FITS(sacGetPlanMemory)
    FITS(sacGetPlanTensors)
    FITS(sacGetPlanProperties)
    FITS(sacGetPlanStages)
    FITS(sacGetPlanMemoryParts)
    FITS(sacGetPlanAccess)
    FITS(sacGetPlanDispatches)
    FITS(sacGetPlanShaders)
    FITS(sacGetPlanShaderCode)
    FITS(sacWriteWeights)
    FITS(sacWriteParameters)
    FITS(sacWriteMemoryParts)
    FITS(sacCmdUpload)
    FITS(sacCmdRun)
    FITS(sacBuildVariableLayout)
}
