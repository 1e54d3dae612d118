/* SPDX-License-Identifier: Apache-2.0 */
/* Saccade: deformable attention, and the attention layers around it, inside a real-time engine's own frame.
 *
 * The library records compute dispatches into a VkCommandBuffer that the engine owns. It never sees a queue, never
 * submits, never waits and never allocates device memory: the engine asks a plan how many bytes it needs and lends
 * them.
 *
 *     file bytes -> SacModel (weights, configuration) -> SacPlan (shapes, pipelines, memory map) -> VkCommandBuffer
 *
 * A frame, in short (samples/minimal.c is the whole program):
 *
 *     sacCreateContext(&contextInfo, &context, &error);          once per VkDevice
 *     sacCreateModel(context, &modelInfo, &model, &error);       once per checkpoint
 *     sacCreatePlan(model, &planInfo, &plan, &error);            once per input shape; compiles pipelines
 *     sacGetPlanMemory(plan, SAC_MEMORY_WEIGHTS, &memory, &error); ... the engine creates buffers of that size
 *     sacWriteWeights(plan, 0, memory.size, mapped, &error);     once per model, on any thread
 *     sacGetPlanTensors(plan, &count, tensors, &error);          inputs and outputs: the indices that runs bind by
 *     sacCmdUpload(plan, commandBuffer, &uploadInfo, &error);    once, recorded into any command buffer
 *     sacCmdRun(plan, commandBuffer, &runInfo, &error);          every frame
 *
 * STRUCTURES
 *   A structure begins with sType and pNext, also where it is an element of an array; only those that never grow have
 *   neither (SacBufferRange, SacTimestampRange, SacMatrixShape, SacDispatchBinding, SacError). The caller sets both, in
 *   what the library fills as in what it reads, and the library changes neither. The rest may be zero: zero is the
 *   default of every member that does not say "required".
 *   pNext is NULL or a chain of structures, each at most once, whose comments say that they extend this one. Any other
 *   is refused by its name, so that nothing that was asked for is ignored.
 *
 * FUNCTIONS
 *   Each has a pointer type PFN_<name>. Whoever loads the library at run time (dlopen, LoadLibrary) defines
 *   SAC_NO_PROTOTYPES before this header and gets each function by its name. Functions and callbacks have Vulkan's
 *   calling convention.
 *
 * ERRORS
 *   Functions that can fail return a SacResult and take a SacError*, which may be NULL. On failure the message names
 *   the argument, the value and the rule it broke; output handles are set to NULL; nothing was
 *   recorded and nothing is left allocated. No exception, assertion or abort crosses this interface. The same message
 *   goes to the context's log callback.
 *   Names and other texts from the caller are UTF-8, zero-terminated; others are refused. Counts are compared with the
 *   number there can be before their arrays are read.
 *
 * CALLBACKS
 *   They come on the thread of the call or job that caused them, and may call the library, but not to destroy what is
 *   in use: a plan's model and context while it is made (refused), the context in its log callback (the caller's
 *   error). They should not throw. What a log callback throws is dropped; a progress callback that throws stops the
 *   plan with CANCELLED; an allocation that throws, or is not aligned as asked, is OUT_OF_HOST_MEMORY.
 *
 * THREADS
 *   Creating and destroying objects, and all queries, may be done from any thread at any time, also at once on one
 *   context. Objects are immutable once created, so any number of threads may record one plan into different command
 *   buffers. Destroying an object while another call uses it, or while the GPU may still execute what was recorded
 *   from it, is the caller's error. A context outlives its models; a model outlives its plans. Destroying a parent
 *   before its children does nothing but log an error.
 *   The library keeps no global state: contexts on several devices can live in one process.
 *
 * SYNCHRONIZATION CONTRACT
 *   All dispatches run in VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT. sacCmdUpload begins with copies in
 *   VK_PIPELINE_STAGE_TRANSFER_BIT. Any queue family with VK_QUEUE_COMPUTE_BIT will do, and any command buffer level,
 *   outside of a render pass instance. Barriers between the library's own dispatches are recorded by the library.
 *
 *   what                  | sacCmdUpload                          | sacCmdRun
 *   ----------------------+---------------------------------------+------------------------------------------------
 *   staging               | TRANSFER, TRANSFER_READ               | -
 *   weights               | TRANSFER, TRANSFER_WRITE;             | COMPUTE_SHADER, SHADER_READ
 *                         | COMPUTE_SHADER, SHADER_READ           |
 *   tables                | COMPUTE_SHADER, SHADER_READ | WRITE   | COMPUTE_SHADER, SHADER_READ
 *   state                 | -                                     | COMPUTE_SHADER, SHADER_READ | WRITE
 *   parameters            | TRANSFER, TRANSFER_WRITE;             | COMPUTE_SHADER, UNIFORM_READ
 *                         | COMPUTE_SHADER, UNIFORM_READ          |
 *   workspace             | COMPUTE_SHADER, SHADER_READ | WRITE   | COMPUTE_SHADER, SHADER_READ | WRITE
 *   workspace, with a     | -                                     | also TRANSFER, TRANSFER_WRITE
 *   SacTensorBinding value|                                       |
 *   workspace of a plan   | -                                     | also DRAW_INDIRECT, INDIRECT_COMMAND_READ
 *   with CONDITIONAL_BIT  |                                       |
 *   enable                | -                                     | COMPUTE_SHADER, SHADER_READ
 *   reset                 | -                                     | COMPUTE_SHADER, SHADER_READ
 *   bound inputs          | -                                     | COMPUTE_SHADER, SHADER_READ
 *   bound outputs         | -                                     | COMPUTE_SHADER, SHADER_READ | WRITE
 *   bound input images    | -                                     | COMPUTE_SHADER, SHADER_READ, in the layout bound
 *   bound output images   | -                                     | COMPUTE_SHADER, SHADER_WRITE, layout GENERAL
 *
 *   Images keep their layouts: the library records no layout transition. An output image is written where the tensor
 *   reaches and keeps its other pixels.
 *   The caller owes, with one barrier before the call: what was written to anything in the right column is available
 *   and visible to (COMPUTE_SHADER, SHADER_READ; parameters: UNIFORM_READ), and earlier reads and writes of outputs,
 *   workspace and state are complete (an execution dependency; with memory dependency where they were written by the
 *   device). The caller owes, with one barrier after the call, a dependency from (COMPUTE_SHADER, SHADER_WRITE) to
 *   whatever reads the outputs. Two calls that share a workspace, or of which one reads what the other wrote, need
 *   such a barrier between them: COMPUTE_SHADER/SHADER_WRITE to COMPUTE_SHADER/SHADER_READ|SHADER_WRITE. After
 *   sacCmdUpload the barrier's source is TRANSFER|COMPUTE_SHADER with TRANSFER_WRITE|SHADER_WRITE. The transfer of a
 *   SacTensorBinding::value is ordered after and before COMPUTE_SHADER by the library: the caller's barriers stay the
 *   same. So is what a conditional plan writes for its indirect dispatches; DRAW_INDIRECT precedes COMPUTE_SHADER in
 *   the pipeline, so that a barrier that waits for the latter has waited for the former. Ownership transfers between
 *   queue families are the caller's, on whole buffers and images.
 *   The table holds for any plan. sacGetPlanAccess answers the part of it that one plan needs, as data.
 *
 *   Command buffer state that is clobbered: the bound compute pipeline, compute descriptor set 0 (bound or pushed) and
 *   compute push constants. Graphics state is untouched.
 */
#ifndef SACCADE_SACCADE_H_
#define SACCADE_SACCADE_H_

#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

#if defined(SACCADE_SHARED) && defined(_WIN32)
#if defined(SACCADE_BUILD)
#define SAC_API __declspec(dllexport)
#else
#define SAC_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define SAC_API __attribute__((visibility("default")))
#else
#define SAC_API
#endif

/* C++ lets an enumeration hold only what its enumerators span, unless its type is given: then any number from a caller
 * can be read and refused. */
#ifdef __cplusplus
#define SAC_ENUM_TYPE : int32_t
extern "C" {
#else
#define SAC_ENUM_TYPE
#endif

#define SAC_VERSION_MAJOR 0
#define SAC_VERSION_MINOR 2
#define SAC_VERSION_PATCH 0
#define SAC_MAKE_VERSION(major, minor, patch)                                                                          \
    (((uint32_t)(major) << 22) | ((uint32_t)(minor) << 12) | (uint32_t)(patch))
#define SAC_VERSION SAC_MAKE_VERSION(SAC_VERSION_MAJOR, SAC_VERSION_MINOR, SAC_VERSION_PATCH)

#define SAC_MAX_RANK 8u
#define SAC_MAX_BOUND 48u /* buffers and images that a run binds; inputs or outputs of a plan */
#define SAC_MAX_MESSAGE_LENGTH 512u

/* ---- Results ---------------------------------------------------------------------------------------------------- */

typedef enum SacResult SAC_ENUM_TYPE {
    SAC_SUCCESS = 0,
    SAC_ERROR_INVALID_ARGUMENT = -1, /* a parameter or structure member breaks a documented rule */
    SAC_ERROR_MALFORMED_FILE = -2,   /* the bytes are not a valid safetensors file */
    SAC_ERROR_INVALID_CONFIG = -3,   /* unknown module, unknown key, or a value outside its range */
    SAC_ERROR_INVALID_WEIGHTS = -4,  /* a tensor is missing, or has the wrong shape or type, or is not finite */
    SAC_ERROR_UNSUPPORTED = -5,      /* valid, but beyond a limit or feature of this device */
    SAC_ERROR_OUT_OF_HOST_MEMORY = -6,
    SAC_ERROR_OUT_OF_DEVICE_MEMORY = -7,
    SAC_ERROR_DEVICE_LOST = -8,
    SAC_ERROR_CANCELLED = -9, /* the progress callback asked to stop */
    SAC_ERROR_VULKAN = -10,   /* any other VkResult; the message has its value */
    SAC_ERROR_INTERNAL = -11, /* a defect of the library */
    SAC_RESULT_MAX_ENUM = 0x7fffffff
} SacResult;

typedef struct SacError {
    SacResult result;
    char message[SAC_MAX_MESSAGE_LENGTH]; /* UTF-8, always terminated; empty on success */
} SacError;

typedef enum SacStructureType SAC_ENUM_TYPE {
    SAC_STRUCTURE_TYPE_DEVICE_QUERY = 1,
    SAC_STRUCTURE_TYPE_DEVICE_SUPPORT = 2,
    SAC_STRUCTURE_TYPE_CONTEXT_INFO = 3,
    SAC_STRUCTURE_TYPE_MODEL_INFO = 4,
    SAC_STRUCTURE_TYPE_PLAN_INFO = 5,
    SAC_STRUCTURE_TYPE_PLAN_PROPERTIES = 6,
    SAC_STRUCTURE_TYPE_UPLOAD_INFO = 7,
    SAC_STRUCTURE_TYPE_RUN_INFO = 8,
    SAC_STRUCTURE_TYPE_VARIABLE_LAYOUT_INFO = 9, /* saccade_layouts.h */
    SAC_STRUCTURE_TYPE_DEVICE_PROFILE = 10,
    SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION = 11,
    SAC_STRUCTURE_TYPE_KEY_DESCRIPTION = 12,
    SAC_STRUCTURE_TYPE_TENSOR_DESCRIPTION = 13,
    SAC_STRUCTURE_TYPE_TENSOR_DESC = 14,
    SAC_STRUCTURE_TYPE_IMAGE_DESC = 15,
    SAC_STRUCTURE_TYPE_TENSOR_INFO = 16,
    SAC_STRUCTURE_TYPE_MEMORY_REQUIREMENTS = 17,
    SAC_STRUCTURE_TYPE_STAGE_INFO = 18,
    SAC_STRUCTURE_TYPE_MEMORY_PART = 19,
    SAC_STRUCTURE_TYPE_TENSOR_BINDING = 20,
    SAC_STRUCTURE_TYPE_IMAGE_BINDING = 21,
    SAC_STRUCTURE_TYPE_POSITION_BIAS_INFO = 22,
    SAC_STRUCTURE_TYPE_POSITION_BIAS_PROPERTIES = 23,
    SAC_STRUCTURE_TYPE_EXTENDED_DEVICE_CREATE_INFO = 24,
    SAC_STRUCTURE_TYPE_RESOURCE_ACCESS = 25,
    SAC_STRUCTURE_TYPE_COMPILE_JOBS = 26,
    SAC_STRUCTURE_TYPE_DISPATCH = 27,
    SAC_STRUCTURE_TYPE_SHADER = 28,
    SAC_STRUCTURE_TYPE_MAX_ENUM = 0x7fffffff
} SacStructureType;

typedef struct SacContext_T* SacContext;
typedef struct SacModel_T* SacModel;
typedef struct SacPlan_T* SacPlan;

#ifndef SAC_NO_PROTOTYPES

/* The name of a result, as in this header ("SAC_ERROR_DEVICE_LOST"); never NULL. */
SAC_API const char* VKAPI_CALL sacResultString(SacResult result);

/* SAC_VERSION of the library in use. Minor versions of one major version are binary compatible from 1.0 on. */
SAC_API uint32_t VKAPI_CALL sacGetVersion(void);

#endif

/* ---- Before the device exists ----------------------------------------------------------------------------------- */

/* What the library can use beyond Vulkan 1.1 compute. It needs none of them. */
typedef enum SacFeatureFlagBits SAC_ENUM_TYPE {
    /* VK_KHR_push_descriptor is enabled: descriptors are recorded into the command buffer. Without it sets come from a
     * pool of the plan, see SacPlanInfo::maxRunsInFlight. */
    SAC_FEATURE_PUSH_DESCRIPTOR_BIT = 0x1,
    /* storageBuffer16BitAccess (VkPhysicalDevice16BitStorageFeatures, core in Vulkan 1.1) is enabled: half precision
     * plans and half precision inputs and outputs. */
    SAC_FEATURE_STORAGE_16BIT_BIT = 0x2,
    /* VK_EXT_debug_utils is enabled on the instance: objects get names, recorded work gets labels. */
    SAC_FEATURE_DEBUG_UTILS_BIT = 0x4,
    /* shaderStorageImageWriteWithoutFormat (VkPhysicalDeviceFeatures) is enabled: output images of all formats that
     * SacImageDesc lists for them. */
    SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT = 0x8,
    SAC_FEATURE_FLAG_BITS_MAX_ENUM = 0x7fffffff
} SacFeatureFlagBits;
typedef VkFlags SacFeatureFlags;

typedef enum SacDeviceKind SAC_ENUM_TYPE {
    SAC_DEVICE_KIND_GPU = 0, /* wide workgroups, tiles in shared memory */
    SAC_DEVICE_KIND_CPU = 1, /* a software driver: lanes are vectors, barriers and shared memory only cost */
    SAC_DEVICE_KIND_MAX_ENUM = 0x7fffffff
} SacDeviceKind;

/* A matrix product that one subgroup computes with VK_KHR_cooperative_matrix: A (m x k) times B (k x n), both of
 * float16, plus C (m x n). */
typedef struct SacMatrixShape {
    uint32_t m, n, k;       /* elements; at least 1 */
    VkBool32 float32Result; /* C and the result are of float32; else of float16 */
} SacMatrixShape;

#define SAC_MAX_MATRIX_SHAPES 16u

/* What the library believes of a device. Everything that chooses a kernel, its workgroups and its tiles reads this
 * structure and nothing else, so that equal profiles give equal plans. sacQueryDevice fills it with what the device
 * has; SacContextInfo::profile takes it back, narrowed if the caller likes: to see what a plan does on a weaker device,
 * to test the kernels of GPUs on a CPU driver, or to keep away from a feature that a driver gets wrong.
 *
 * Members named as in VkPhysicalDeviceLimits and the feature structures mean the same. Of each limit the range is from
 * what Vulkan 1.1 guarantees, in parentheses below, to what the device has. What kernels need beyond the guaranteed
 * number, a plan is refused for with SAC_ERROR_UNSUPPORTED and the limit's name. */
typedef struct SacDeviceProfile {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_DEVICE_PROFILE */
    const void* pNext;
    SacDeviceKind kind;  /* which kernels are quick. Either is right on every device */
    uint32_t vendorID;   /* as in VkPhysicalDeviceProperties; any. Read by tuning alone */
    uint32_t apiVersion; /* VK_MAKE_API_VERSION, at least 1.1, at most the device's */
    /* Invocations of a subgroup: a power of two, 1 to 128. The device's where subgroupOperations is not 0; else at most
     * that. */
    uint32_t subgroupSize;
    VkSubgroupFeatureFlags subgroupOperations;    /* usable in compute shaders. A subset of the device's; 0: none */
    uint32_t maxComputeWorkGroupInvocations;      /* in one workgroup (128) */
    uint32_t maxComputeWorkGroupSize[3];          /* invocations per axis (128, 128, 64) */
    uint32_t maxComputeWorkGroupCount[3];         /* of one dispatch, per axis (65535 each) */
    uint32_t maxComputeSharedMemorySize;          /* bytes per workgroup (16384) */
    uint32_t maxPushConstantsSize;                /* bytes (128) */
    uint32_t maxPerStageDescriptorStorageBuffers; /* that one dispatch binds (4) */
    VkDeviceSize maxStorageBufferRange;           /* bytes of one binding (2^27) */
    /* Bytes: a power of two, at most 256. Here narrower is larger: the device's or a multiple of it. */
    VkDeviceSize minStorageBufferOffsetAlignment;
    VkBool32 storageBuffer16BitAccess; /* halves in storage buffers. VK_TRUE needs SAC_FEATURE_STORAGE_16BIT_BIT */
    VkBool32 pushDescriptors;          /* VK_KHR_push_descriptor. VK_TRUE needs SAC_FEATURE_PUSH_DESCRIPTOR_BIT */
    /* Output images of more formats. VK_TRUE needs SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT */
    VkBool32 shaderStorageImageWriteWithoutFormat;
    /* Arithmetic on halves, and matrix units. No kernel uses them yet, so the device need not have them enabled. */
    VkBool32 shaderFloat16;
    uint32_t matrixShapeCount; /* at most SAC_MAX_MATRIX_SHAPES; 0: no VK_KHR_cooperative_matrix */
    SacMatrixShape matrixShapes[SAC_MAX_MATRIX_SHAPES]; /* each one of the device's */
} SacDeviceProfile;

typedef struct SacDeviceQuery {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_DEVICE_QUERY */
    const void* pNext;
    PFN_vkGetInstanceProcAddr getInstanceProcAddr; /* required */
    VkInstance instance;                           /* required; created for Vulkan 1.1 or later */
    VkPhysicalDevice physicalDevice;               /* required */
} SacDeviceQuery;

typedef struct SacDeviceSupport {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_DEVICE_SUPPORT */
    void* pNext;
    VkBool32 supported;                  /* whether a context can be created on a device made from it */
    char reason[SAC_MAX_MESSAGE_LENGTH]; /* why not; empty if supported */
    SacFeatureFlags features;            /* what the device offers: enable it and pass it to sacCreateContext */
    uint32_t extensionCount;             /* device extensions to enable: for `features`, and what Vulkan obliges to */
    const char* extensions[8];           /* string literals of the library */
    VkBool32 storageBuffer16BitAccess;   /* enable this feature for SAC_FEATURE_STORAGE_16BIT_BIT */
    /* Enable this feature for SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT. */
    VkBool32 shaderStorageImageWriteWithoutFormat;
    /* What the device has, whether or not it gets enabled. Its sType is the library's to set, so that a context can
     * take it as it is. */
    SacDeviceProfile profile;
} SacDeviceSupport;

#define SAC_MAX_DEVICE_EXTENSIONS 512u

/* A VkDeviceCreateInfo with the library's extensions and features, and the storage that it points to. It points into
 * itself: do not copy or move it before vkCreateDevice has returned. */
typedef struct SacExtendedDeviceCreateInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_EXTENDED_DEVICE_CREATE_INFO */
    void* pNext;
    /* For vkCreateDevice. It points to what the original points to, so that must live until then as well. */
    VkDeviceCreateInfo createInfo;
    SacFeatureFlags features; /* what a device made from it has enabled: for SacContextInfo::enabledFeatures */
    /* The only things that are changed in the caller's memory: features in structures of the original's chain. They
     * were VK_FALSE and are now VK_TRUE. Set them back to VK_FALSE to undo the change. NULL: not changed.
     *   [0] storageBuffer16BitAccess of a VkPhysicalDeviceVulkan11Features or VkPhysicalDevice16BitStorageFeatures
     *   [1] shaderStorageImageWriteWithoutFormat of a VkPhysicalDeviceFeatures2 */
    VkBool32* changed[2];
    /* Storage, where the chain has no VkPhysicalDeviceFeatures2: the original's pEnabledFeatures and the library's. */
    VkPhysicalDeviceFeatures enabledFeatures;
    VkPhysicalDevice16BitStorageFeatures storage16; /* storage; in the chain if the original's has neither of the two */
    const char* extensions[SAC_MAX_DEVICE_EXTENSIONS]; /* storage; the original's names and the library's */
} SacExtendedDeviceCreateInfo;

#ifndef SAC_NO_PROTOTYPES

/* Says which extensions and features make the library faster on `query->physicalDevice`, before a VkDevice is created,
 * and describes the device. The library requires no extension and no feature. Where the device offers
 * VK_KHR_portability_subset (MoltenVK), `extensions` lists it, since Vulkan obliges whoever makes the VkDevice to
 * enable it. SAC_FEATURE_DEBUG_UTILS_BIT is an instance matter and not reported.
 * Errors: INVALID_ARGUMENT, UNSUPPORTED (an instance below Vulkan 1.1), OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY,
 * VULKAN. An unfit device is no error: `supported` is VK_FALSE. */
SAC_API SacResult VKAPI_CALL sacQueryDevice(const SacDeviceQuery* query, SacDeviceSupport* support, SacError* error);

/* Adds what sacQueryDevice advises to a VkDeviceCreateInfo that somebody else filled: for plugins of engines that let
 * them change how the device is created. Names that are listed already are not listed again, and features that are
 * enabled already stay enabled. The chain keeps all of its structures in their order.
 *
 * Vulkan allows only one of VkPhysicalDeviceVulkan11Features and VkPhysicalDevice16BitStorageFeatures in a chain, and
 * no pEnabledFeatures beside a VkPhysicalDeviceFeatures2. If one of these structures is there already, the feature is
 * enabled in it, see SacExtendedDeviceCreateInfo::changed, so that structure must be writable. `createInfo` itself and
 * everything else it points to are only read.
 *
 * SAC_FEATURE_DEBUG_UTILS_BIT is an instance matter and not reported.
 * Errors: as sacQueryDevice; UNSUPPORTED also for an unfit device; INVALID_ARGUMENT also if createInfo is not a
 * VkDeviceCreateInfo, lists a null name or too many, or its chain has both structures. Then nothing was changed. */
SAC_API SacResult VKAPI_CALL sacExtendDeviceCreateInfo(const SacDeviceQuery* query,
                                                       const VkDeviceCreateInfo* createInfo,
                                                       SacExtendedDeviceCreateInfo* extended, SacError* error);

#endif

/* ---- Context: one per VkDevice ---------------------------------------------------------------------------------- */

typedef enum SacLogSeverity SAC_ENUM_TYPE {
    SAC_LOG_INFO = 0,    /* a choice worth knowing: a table's resolution, a fallback to the exact bias */
    SAC_LOG_WARNING = 1, /* works, but probably not as meant: an argument that is ignored, as upstream ignores it */
    SAC_LOG_ERROR = 2,   /* the message of a call that failed */
    SAC_LOG_SEVERITY_MAX_ENUM = 0x7fffffff
} SacLogSeverity;

/* Called on the thread of the call that logs. It must not call back into the library with the same object. */
typedef void(VKAPI_PTR* SacLogCallback)(void* userData, SacLogSeverity severity, const char* message);

typedef struct SacContextInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_CONTEXT_INFO */
    const void* pNext;
    /* Required: SAC_VERSION, of the header that the caller was compiled with. A version that the library does not serve
     * is refused: another major version, below 1.0 another minor one. */
    uint32_t apiVersion;
    PFN_vkGetInstanceProcAddr getInstanceProcAddr; /* required with a device, like the next two */
    VkInstance instance;                           /* Vulkan 1.1 or later */
    VkPhysicalDevice physicalDevice;
    /* Made from physicalDevice. Null: a context that plans only, see sacCreateContext. */
    VkDevice device;
    SacFeatureFlags enabledFeatures;        /* what instance and device were created with; 0: none */
    VkPipelineCache pipelineCache;          /* used for every pipeline; may be null; outlives the context */
    const VkAllocationCallbacks* allocator; /* all host memory, the library's and Vulkan's; copied; NULL: malloc */
    SacLogCallback log;                     /* may be NULL */
    void* logUserData;
    /* What plans may use; copied. NULL: the device's limits and the features in `enabledFeatures`. A profile may leave
     * out an enabled feature. It may not claim one (push descriptors, 16-bit storage) that is not enabled. Required
     * without a device. */
    const SacDeviceProfile* profile;
} SacContextInfo;

#ifndef SAC_NO_PROTOTYPES

/* Creates a context on an existing device. Loads every Vulkan function through getInstanceProcAddr. Creates no
 * pipeline.
 *
 * With a null `device` the context stands for the device that `profile` describes, on any machine. Models and plans can
 * be created, and all queries answer as they would on that device. No Vulkan function is called and nothing is
 * compiled; sacCmdUpload and sacCmdRun are refused. getInstanceProcAddr, instance, physicalDevice and pipelineCache are
 * not read, enabledFeatures must be 0, and every image format counts as supported.
 *
 * Errors: INVALID_ARGUMENT (a required member is null, a version that is not served, an enabled feature or a member of
 * the profile that the device does not have, a profile that says more than is enabled), UNSUPPORTED (below Vulkan 1.1),
 * OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, DEVICE_LOST, VULKAN. */
SAC_API SacResult VKAPI_CALL sacCreateContext(const SacContextInfo* info, SacContext* context, SacError* error);

/* NULL is ignored. Destroy all models of the context first: otherwise an error is logged and nothing is destroyed.
 * Works on a lost device. */
SAC_API void VKAPI_CALL sacDestroyContext(SacContext context);

#endif

/* ---- Model: weights and configuration --------------------------------------------------------------------------- */

typedef struct SacModelInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_MODEL_INFO */
    const void* pNext;
    /* Bytes of a safetensors file. Tensors are named as upstream's state_dict names them, __metadata__ may hold
     * "module" and "config" (the constructor's arguments as JSON). Not copied: they stay valid and unchanged until the
     * model is destroyed, so a mapped file serves. May be NULL for a module without weights. */
    const void* data;
    size_t size;
    const char* module; /* NULL: "module" of the file. One of sacGetModuleName */
    const char* config; /* JSON object; its members replace those of the file's config. NULL: the file's alone */
    /* weightPrefix + name is looked up. NULL: "prefix" of __metadata__, else "w." if any name begins so, else "". */
    const char* weightPrefix;
    /* Largest header, in bytes, that is read. The header names the tensors. A larger one is refused unread. 0 means
     * 10,000,000, enough for about 100,000 tensors; the format allows 100,000,000. Reading takes up to 16 bytes of host
     * memory per byte of header. "config" may have up to 1 MiB. */
    uint64_t headerLimit;
} SacModelInfo;

#ifndef SAC_NO_PROTOTYPES

/* Reads and checks a checkpoint: every offset, shape and number. Needs no GPU work.
 * Errors: INVALID_ARGUMENT, MALFORMED_FILE, INVALID_CONFIG, INVALID_WEIGHTS, OUT_OF_HOST_MEMORY. */
SAC_API SacResult VKAPI_CALL sacCreateModel(SacContext context, const SacModelInfo* info, SacModel* model,
                                            SacError* error);

/* NULL is ignored. Destroy all plans of the model first: otherwise an error is logged and nothing is destroyed. */
SAC_API void VKAPI_CALL sacDestroyModel(SacModel model);

/* Name of module `index` ("DeformableAttention2D"), NULL past the last one: loop from 0. */
SAC_API const char* VKAPI_CALL sacGetModuleName(uint32_t index);

/* The module a model was made of; valid while the model lives. NULL for NULL. */
SAC_API const char* VKAPI_CALL sacGetModelModule(SacModel model);

#endif

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

typedef enum SacDataType SAC_ENUM_TYPE {
    SAC_DATA_TYPE_DEFAULT = 0, /* the type the module states: FLOAT32 for activations */
    SAC_DATA_TYPE_FLOAT32 = 1,
    SAC_DATA_TYPE_FLOAT16 = 2, /* needs SAC_FEATURE_STORAGE_16BIT_BIT */
    SAC_DATA_TYPE_INT32 = 3,
    SAC_DATA_TYPE_INT64 = 4,
    SAC_DATA_TYPE_UINT8 = 5,
    SAC_DATA_TYPE_BOOL = 6, /* one byte, 0 or 1 */
    SAC_DATA_TYPE_MAX_ENUM = 0x7fffffff
} SacDataType;

typedef enum SacLayout SAC_ENUM_TYPE {
    SAC_LAYOUT_CONTIGUOUS = 0,    /* row-major in the order of the shape, as PyTorch's contiguous tensors */
    SAC_LAYOUT_CHANNELS_LAST = 1, /* of a shape (b, c, spatial...): memory order (b, spatial..., c) */
    SAC_LAYOUT_MAX_ENUM = 0x7fffffff
} SacLayout;

typedef enum SacTensorFlagBits SAC_ENUM_TYPE {
    SAC_TENSOR_INPUT_BIT = 0x1,
    SAC_TENSOR_OUTPUT_BIT = 0x2,
    /* An input that is never bound: read at plan creation, see SacTensorDesc::hostData, or ignored with a warning. */
    SAC_TENSOR_HOST_BIT = 0x4,
    SAC_TENSOR_FLAG_BITS_MAX_ENUM = 0x7fffffff
} SacTensorFlagBits;
typedef VkFlags SacTensorFlags;

#define SAC_MAX_IMAGES 16u /* of one tensor */

/* How numbers of an image become numbers of a tensor. An image has t = texel * scale + bias (SacImageDesc), the tensor
 * f(t); of an output the tensor has m, and the texel becomes (f^-1(m) - bias) / scale. Arithmetic is float32.
 *
 * LINEAR takes every number as it is, infinities and NaN too. The others have a range: t is clamped to it, m to what f
 * makes of it, and NaN counts as 0 before that. So neither side gets a NaN or an infinity from the other. */
typedef enum SacImageTransfer SAC_ENUM_TYPE {
    SAC_IMAGE_TRANSFER_LINEAR = 0, /* f(t) = t */
    /* f(t) = ln(1 + t), t from 0 to 2^127: light without an upper end. `scale` is the exposure. */
    SAC_IMAGE_TRANSFER_LOG1P = 1,
    /* Light to sRGB's numbers, IEC 61966-2-1: f(t) = 12.92 t up to 0.0031308, else 1.055 t^(1/2.4) - 0.055. 1 is white;
     * the curve goes on above it. t from 0 to 2^48. */
    SAC_IMAGE_TRANSFER_SRGB = 2,
    /* Light to the perceptual quantizer's numbers, SMPTE ST 2084: with y = (t / 10000)^(2610 / 16384) f(t) =
     * ((0.8359375 + 18.8515625 y) / (1 + 18.6875 y))^(2523 / 32). t from 0 to 10000 cd/m^2: `scale` is what 1 in the
     * image stands for. */
    SAC_IMAGE_TRANSFER_PQ = 3,
    /* f(t) = 1 / t, t from 2^-16 to 2^126: disparity of depth, or with `scale` 1 / near the depth of an infinite
     * reversed projection. What is infinitely far is 0 to within float32's rounding, nothing is above 2^16. */
    SAC_IMAGE_TRANSFER_RECIPROCAL = 4,
    /* A unit vector (x, y, z) of the tensor in two channels (u, v) of the image, an octahedron unfolded to a square
     * (Cigolle et al., A Survey of Efficient Representations for Independent Unit Vectors, 2014). `channels` is 2, and
     * the tensor has 3. f(u, v) = n / |n| with n = (u, v, 1 - |u| - |v|), of which, where z < 0, x and y become
     * (1 - |v|) s(u) and (1 - |u|) s(v); s is -1 below 0, else 1. u and v from -1 to 1: images of UNORM have `scale` 2
     * and `bias` -1. The inverse takes vectors of any length: p = (x, y) / (|x| + |y| + |z|), folded alike where z < 0.
     * Components are clamped to +-2^100. Where their absolute values add up to less than 2^-100, the vector is
     * (0, 0, 1). */
    SAC_IMAGE_TRANSFER_OCTAHEDRAL = 5,
    SAC_IMAGE_TRANSFER_MAX_ENUM = 0x7fffffff
} SacImageTransfer;

/* An image that holds channels of a feature map (b, c, h, w): colour, motion or depth of a frame. With `channels` k and
 * `pixelShuffle` r it has w * r by h * r pixels and holds k * r * r channels of the tensor:
 * torch.nn.functional.pixel_unshuffle(image, r) for inputs, pixel_shuffle(channels, r) for outputs; with OCTAHEDRAL
 * 3 * r * r. Several images of one tensor are concatenated along the channels in order.
 *
 * The view has one level. Its type is 2D if b is 1, else 2D_ARRAY with at least b layers, one per batch entry. The
 * image may be smaller: pixels beyond its edge read as the nearest pixel and are not written. So a frame of H rows is a
 * tensor of h = ceil(H / r). Of a larger image the top left part is used. */
typedef struct SacImageDesc {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_IMAGE_DESC */
    const void* pNext;
    /* Of the view. Inputs, created with VK_IMAGE_USAGE_SAMPLED_BIT, where the device has
     * VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT with optimal tiling; components are the numbers that a sampler without filter
     * returns, swizzled as the view says (with VK_KHR_portability_subset that takes imageViewFormatSwizzle):
     *   R8, R8G8, R8G8B8A8: UNORM, SNORM, SRGB      A8B8G8R8_PACK32, B8G8R8A8: UNORM, SRGB
     *   R16, R16G16, R16G16B16A16: UNORM, SNORM, SFLOAT      R32, R32G32, R32G32B32, R32G32B32A32: SFLOAT
     *   A2B10G10R10, A2R10G10B10, R5G6B5: UNORM      B10G11R11, E5B9G9R9: UFLOAT
     *   D16_UNORM, X8_D24_UNORM_PACK32, D32_SFLOAT
     * Outputs, created with VK_IMAGE_USAGE_STORAGE_BIT, the view's components the identity: R8G8B8A8_UNORM,
     * R16G16B16A16_SFLOAT, R32G32B32A32_SFLOAT, R32_SFLOAT. With SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT
     * also the others above, but for SRGB and depth formats, where the device has VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT
     * with optimal tiling. Numbers convert as the device converts them; those of 16-bit SFLOAT formats are the nearest
     * half before, ties to even, from 2^-14 on, and finite ones beyond 65504 are 65504 with their sign. */
    VkFormat format;       /* required */
    uint32_t channels;     /* k: how many of the format's, from firstChannel on; 0: all that there are */
    uint32_t pixelShuffle; /* r, at most 64; 0: 1 */
    uint32_t firstChannel; /* 0: red. Outputs: channels of the format that are none of the k are 0, alpha is 1 */
    SacImageTransfer transfer;
    /* Of channel firstChannel + i; finite. A scale of 0 is 1; the magnitude of others is 2^-126 to 2^126. */
    float scale[4];
    float bias[4];
} SacImageDesc;

/* One input or output, as the engine stores it. Names are those of the module's forward arguments and results. */
typedef struct SacTensorDesc {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_TENSOR_DESC */
    const void* pNext;
    const char* name; /* required */
    SacDataType dataType;
    SacLayout layout;
    uint32_t rank;                /* of the shape; 0 for outputs, whose shapes follow */
    uint64_t shape[SAC_MAX_RANK]; /* PyTorch's shape, each dimension at least 1 */
    /* Values of an input flagged SAC_TENSOR_HOST_BIT: row-major, any alignment, read during the call. Ignored by other
     * inputs. */
    const void* hostData;
    size_t hostDataSize; /* bytes at hostData, required with it; at least what shape and type take */
    /* 0: the tensor is a buffer. Otherwise it is this many images, at most SAC_MAX_IMAGES, whose channels add up to c.
     * dataType is then DEFAULT and layout CONTIGUOUS. Only activations of four dimensions can be images: feature maps
     * (b, c, h, w), and (b, h, w, c) where the module has channels last. */
    uint32_t imageCount;
    const SacImageDesc* images;
} SacTensorDesc;

/* What a plan answers about a tensor. */
typedef struct SacTensorInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_TENSOR_INFO */
    void* pNext;
    const char* name; /* valid while the plan lives */
    SacTensorFlags flags;
    SacDataType dataType;
    SacLayout layout;
    uint32_t rank;
    uint64_t shape[SAC_MAX_RANK];
    VkDeviceSize size;   /* bytes to bind; rounded up to a multiple of 4. 0 for a tensor of images */
    uint32_t imageCount; /* views to bind; 0: a buffer */
    /* Range, inclusive, of an INT32 input of one element. A SacTensorBinding::value outside of it is refused; a number
     * that the GPU reads from a buffer is clamped to it. For the "offset" of a key-value cache: 0 to the cache's length
     * less the tokens of one run. Other tensors: INT32_MIN and INT32_MAX. */
    int32_t minValue;
    int32_t maxValue;
} SacTensorInfo;

/* ---- What modules take and give --------------------------------------------------------------------------------- */

/* What a module's configuration and a plan's options may contain, and which inputs and outputs its plans have. Asked by
 * name, without a context. The library checks models and plans against the same tables. `saccade modules` prints them,
 * docs/modules.md lists them. All strings are literals of the library. */

typedef struct SacModuleDescription {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION */
    void* pNext;
    const char* name;        /* as sacGetModuleName has it */
    const char* summary;     /* one sentence */
    const char* origin;      /* the upstream or paper that it computes as */
    uint32_t configKeyCount; /* of sacGetModuleKeys */
    uint32_t optionKeyCount;
    uint32_t inputCount; /* of sacGetModuleTensors, which lists them before the outputs */
    uint32_t outputCount;
    uint32_t limitCount; /* rules beyond the ranges of keys, a sentence each */
    const char* const* limits;
} SacModuleDescription;

typedef enum SacKeyUse SAC_ENUM_TYPE {
    SAC_KEY_USE_CONFIG = 0,  /* SacModelInfo::config, and "config" of a file */
    SAC_KEY_USE_OPTIONS = 1, /* SacPlanInfo::options */
    SAC_KEY_USE_MAX_ENUM = 0x7fffffff
} SacKeyUse;

typedef enum SacKeyType SAC_ENUM_TYPE {
    SAC_KEY_TYPE_INTEGER = 0, /* a number written as an integer, `minimum` to `maximum` */
    SAC_KEY_TYPE_NUMBER = 1,  /* a number in any notation, `minimum` to `maximum` */
    SAC_KEY_TYPE_BOOLEAN = 2,
    SAC_KEY_TYPE_CHOICE = 3,   /* one of the strings `choices` */
    SAC_KEY_TYPE_INTEGERS = 4, /* an array of `minimumCount` to `maximumCount` integers, each `minimum` to `maximum` */
    SAC_KEY_TYPE_ANY = 5,      /* accepted and ignored */
    SAC_KEY_TYPE_JSON = 6,     /* an array or object that the module checks itself; `meaning` says what it holds */
    SAC_KEY_TYPE_MAX_ENUM = 0x7fffffff
} SacKeyType;

typedef enum SacKeyFlagBits SAC_ENUM_TYPE {
    SAC_KEY_REQUIRED_BIT = 0x1,
    /* An absent key, or null, means defaultValue. A key with neither bit may be absent too; `meaning` says what that
     * does. */
    SAC_KEY_DEFAULT_BIT = 0x2,
    SAC_KEY_BROADCAST_BIT = 0x4, /* of INTEGERS: one number stands for maximumCount equal ones */
    SAC_KEY_FLAG_BITS_MAX_ENUM = 0x7fffffff
} SacKeyFlagBits;
typedef VkFlags SacKeyFlags;

typedef struct SacKeyDescription {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_KEY_DESCRIPTION */
    void* pNext;
    const char* name;
    const char* meaning;
    SacKeyType type;
    SacKeyFlags flags;
    double minimum, maximum;
    double defaultValue; /* the number; of BOOLEAN 0 or 1; of CHOICE its index; of INTEGERS each of maximumCount */
    uint32_t minimumCount, maximumCount;
    uint32_t choiceCount;
    const char* const* choices;
} SacKeyDescription;

typedef struct SacTensorDescription {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_TENSOR_DESCRIPTION */
    void* pNext;
    const char* name;
    const char* meaning;
    /* As in SacTensorInfo. The first output is the main result, which a plan has where none is asked for. */
    SacTensorFlags flags;
    VkBool32 optional; /* of an input: it may be left out. Of an output: only if asked for */
    /* PyTorch's shape in symbols; alternatives are separated by " | ": "(b, n, dim) | (b, n, 1)". Equal names are equal
     * sizes. A name that is a key of the configuration has that key's value. *spatial is any number of dimensions. */
    const char* shape;
    uint32_t dataTypeCount; /* types it can be bound as, the first being DEFAULT's */
    SacDataType dataTypes[4];
} SacTensorDescription;

#ifndef SAC_NO_PROTOTYPES

/* `module` is a name of sacGetModuleName. Errors: INVALID_ARGUMENT, INVALID_CONFIG (no module of that name). */
SAC_API SacResult VKAPI_CALL sacGetModuleDescription(const char* module, SacModuleDescription* description,
                                                     SacError* error);

/* The keys of a module's configuration or options. `*count` is the capacity of `keys` on entry and the number written
 * on return; with keys == NULL it is set to the number there are. Errors: as sacGetModuleDescription (also: too small).
 */
SAC_API SacResult VKAPI_CALL sacGetModuleKeys(const char* module, SacKeyUse use, uint32_t* count,
                                              SacKeyDescription* keys, SacError* error);

/* The inputs, then the outputs of a module; `*count` as in sacGetModuleKeys. Errors: as sacGetModuleDescription (also:
 * too small). */
SAC_API SacResult VKAPI_CALL sacGetModuleTensors(const char* module, uint32_t* count, SacTensorDescription* tensors,
                                                 SacError* error);

/* The inputs, then the outputs of a model: those of its module, or a network's own. Names and shapes live as long as
 * the model. Errors: INVALID_ARGUMENT (also: too small). */
SAC_API SacResult VKAPI_CALL sacGetModelTensors(SacModel model, uint32_t* count, SacTensorDescription* tensors,
                                                SacError* error);

#endif

/* ---- Plan: a model at one set of shapes ------------------------------------------------------------------------- */

typedef enum SacPrecision SAC_ENUM_TYPE {
    SAC_PRECISION_FLOAT32 = 0,
    SAC_PRECISION_FLOAT16 = 1,              /* half storage, float arithmetic; UNSUPPORTED without 16-bit storage */
    SAC_PRECISION_FLOAT16_IF_SUPPORTED = 2, /* FLOAT32 where the context has no 16-bit storage */
    SAC_PRECISION_MAX_ENUM = 0x7fffffff
} SacPrecision;

typedef enum SacPlanFlagBits SAC_ENUM_TYPE {
    SAC_PLAN_NO_ALIASING_BIT = 0x1, /* every intermediate has memory of its own: for debugging; results are the same */
    /* A number that the GPU reads decides whether a run happens: see SacRunInfo::enable. All dispatches become
     * indirect. One extra dispatch for every ten, and one barrier, come before them; dispatchCount, barrierCount and
     * the stages do not count these, pipelineCount counts their pipeline. The workspace needs INDIRECT_BUFFER usage. */
    SAC_PLAN_CONDITIONAL_BIT = 0x2,
    /* A number that the GPU reads decides whether a run resets the state: see SacRunInfo::reset. */
    SAC_PLAN_CONDITIONAL_RESET_BIT = 0x4,
    /* Intermediates that share memory share it whole: two of them begin at one offset or have no byte in common. So a
     * renderer that binds buffers whole makes one buffer for each offset. The workspace may grow, results are the same.
     * With NO_ALIASING_BIT it has no effect. */
    SAC_PLAN_WHOLE_BUFFERS_BIT = 0x8,
    SAC_PLAN_FLAG_BITS_MAX_ENUM = 0x7fffffff
} SacPlanFlagBits;
typedef VkFlags SacPlanFlags;

/* Called on the thread that creates the plan. Return VK_FALSE to stop with SAC_ERROR_CANCELLED.
 * While the plan is built, `done` is 0 and `total` is 1. After that `total` is the number of dispatches (upload, run,
 * one for a conditional plan and one for a plan with state), and the call with `done` = d comes before the pipeline of
 * dispatch d is compiled or found. A pipeline that exists already takes no time. The last calls, with `done` equal to
 * `total`, come while the memory parts are listed. Without a VkDevice nothing is compiled and `total` stays 1. */
typedef VkBool32(VKAPI_PTR* SacProgressCallback)(void* userData, uint32_t done, uint32_t total);

/* Extended by SacPositionBiasInfo, SacCompileJobs. */
typedef struct SacPlanInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_PLAN_INFO */
    const void* pNext;
    SacPlanFlags flags;
    uint32_t inputCount; /* the module's required inputs, and the optional ones that will be used; at most
                          * SAC_MAX_BOUND, like outputCount */
    const SacTensorDesc* inputs;
    uint32_t outputCount;         /* 0: the module's main result alone */
    const SacTensorDesc* outputs; /* results wanted; name, dataType, layout and images are read */
    const char* options;          /* JSON object of forward arguments ({"video_shape": [2, 3, 4, 4]}); NULL: none */
    SacPrecision precision;
    /* How many recorded runs may be pending at once. Matters only without SAC_FEATURE_PUSH_DESCRIPTOR_BIT: run n then
     * reuses the descriptor sets of run n - maxRunsInFlight, so that run's command buffer must have finished and must
     * not be submitted again. 0: 16. At most 4096. */
    uint32_t maxRunsInFlight;
    SacProgressCallback progress; /* may be NULL */
    void* progressUserData;
    const char* name; /* in log messages, and of the debug label around everything recorded from the plan (the
                       * stages have labels inside); copied. NULL: the module's name */
} SacPlanInfo;

/* Compiles one pipeline of a plan. Throws nothing. */
typedef void(VKAPI_PTR* SacCompileJob)(void* jobData, uint32_t index);

/* Calls job(jobData, i) for each i below `count`, in any order, on any threads, the calling one included, and returns
 * when all calls have returned. */
typedef void(VKAPI_PTR* SacParallelFor)(void* userData, uint32_t count, SacCompileJob job, void* jobData);

/* Extends SacPlanInfo: threads that the engine lends for the plan's pipelines, each of which is a job. Pipelines that
 * the context already has are no jobs. sacCreatePlan calls parallelFor once, or not at all if nothing is to be
 * compiled, and returns after the last job has ended. The plan is the same as without.
 *
 * Jobs may allocate: SacContextInfo::allocator is then called on their threads. SacPlanInfo::progress stays on the
 * thread that creates the plan: it comes before parallelFor, before each job that runs on that thread, and for each
 * dispatch afterwards. Each job is a step more, and `done` counts jobs that have ended before it counts dispatches.
 * After VK_FALSE jobs that run go on to their end, and those that have not begun do nothing.
 *
 * If jobs fail, sacCreatePlan answers the error of the lowest index; jobs of higher ones may then do nothing. A
 * parallelFor that throws stops the plan with CANCELLED. Jobs that it has not run, sacCreatePlan runs afterwards. A
 * second call of a job, an index beyond `count`, and a call after parallelFor has returned do nothing; the last as long
 * as the context lives. */
typedef struct SacCompileJobs {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_COMPILE_JOBS */
    const void* pNext;
    SacParallelFor parallelFor; /* required */
    void* userData;
} SacCompileJobs;

typedef enum SacMemoryKind SAC_ENUM_TYPE {
    /* Packed weights. Same size and contents for every plan of one model at one precision: share them. */
    SAC_MEMORY_WEIGHTS = 0,
    /* Data derived from the weights for this plan's shapes: position bias tables. Often 0 bytes. */
    SAC_MEMORY_TABLES = 1,
    /* Intermediates of one run. Undefined before and after: any number of plans can share one, one run at a time. */
    SAC_MEMORY_WORKSPACE = 2,
    /* What a run hands to the next (key-value caches). Often 0 bytes. Undefined before the first run, unless that run
     * resets it to zeros: see SAC_RUN_RESET_STATE_BIT. */
    SAC_MEMORY_STATE = 3,
    /* What the plan's dispatches read about its shapes: a few hundred bytes each. Each plan has its own. */
    SAC_MEMORY_PARAMETERS = 4,
    /* Source of sacCmdUpload, if the weights are copied: host visible, laid out as WEIGHTS and free again once that
     * command buffer has finished. */
    SAC_MEMORY_STAGING = 5,
    SAC_MEMORY_KIND_COUNT = 6,
    SAC_MEMORY_KIND_MAX_ENUM = 0x7fffffff
} SacMemoryKind;

typedef struct SacMemoryRequirements {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_MEMORY_REQUIREMENTS */
    void* pNext;
    VkDeviceSize size;      /* bytes; 0: none needed, bind nothing */
    VkDeviceSize alignment; /* of the offset in the VkBuffer; a power of two */
    /* Usages that the buffer must have been created with. They depend on the plan: create a buffer that several plans
     * share with the usages of all. */
    VkBufferUsageFlags usage;
    /* As vkGetBufferMemoryRequirements answers for such a buffer; 0 in a context without a device. */
    uint32_t memoryTypeBits;
} SacMemoryRequirements;

/* Extended by SacPositionBiasProperties. */
typedef struct SacPlanProperties {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_PLAN_PROPERTIES */
    void* pNext;
    uint32_t dispatchCount; /* of one run */
    uint32_t barrierCount;  /* of one run */
    uint32_t pipelineCount; /* distinct pipelines of run and upload, with the one that resets a state */
    SacPrecision precision; /* FLOAT32 or FLOAT16 */
    uint64_t flops;         /* of one run, counted from the arithmetic of the definition, tables as lookups */
    uint64_t bytes;         /* of one run: each tensor once for every dispatch that reads it, and once that writes it */
    /* Plans of one model with equal keys have equal contents of SAC_MEMORY_TABLES and can share them, whatever their
     * shapes: see SAC_UPLOAD_SHARED_TABLES_BIT. 0: there are no tables. Valid within one process. */
    uint64_t tablesKey;
} SacPlanProperties;

/* One operator of a run: a projection, an attention, a conversion. Debug labels have the same names. */
typedef struct SacStageInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_STAGE_INFO */
    void* pNext;
    const char* name;       /* valid while the plan lives; several stages may have one name */
    uint32_t dispatchCount; /* at least 1; of all stages together SacPlanProperties::dispatchCount */
    uint64_t flops;         /* at the planned batch, as in SacPlanProperties, whose sums these are */
    uint64_t bytes;
} SacStageInfo;

#define SAC_STAGE_UPLOAD (~0u) /* in a SacMemoryPart: not a stage of the run, but sacCmdUpload */

/* A tensor in one of a plan's memories. */
typedef struct SacMemoryPart {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_MEMORY_PART */
    void* pNext;
    const char* name;     /* valid while the plan lives; unique within the kind: see sacGetPlanMemoryParts */
    SacMemoryKind kind;   /* any but STAGING, which is laid out as WEIGHTS */
    SacDataType dataType; /* never DEFAULT; scratch of an operator is UINT8 */
    uint32_t rank;
    uint64_t shape[SAC_MAX_RANK]; /* row-major at `offset`; activations are (batch, tokens, channels) */
    VkDeviceSize offset;          /* bytes from the offset of the range that is bound */
    VkDeviceSize size;            /* bytes, rounded up to a multiple of 4 */
    /* First and last stage of sacGetPlanStages in which the part is in use; outside of WORKSPACE all stages. Two parts
     * of a workspace may share bytes if the last stage of one is not after the first stage of the other. With
     * SAC_PLAN_NO_ALIASING_BIT no parts share bytes. */
    uint32_t firstStage;
    uint32_t lastStage;
} SacMemoryPart;

typedef enum SacCommand SAC_ENUM_TYPE {
    SAC_COMMAND_UPLOAD = 0, /* sacCmdUpload */
    SAC_COMMAND_RUN = 1,    /* sacCmdRun */
    SAC_COMMAND_MAX_ENUM = 0x7fffffff
} SacCommand;

typedef enum SacResourceType SAC_ENUM_TYPE {
    SAC_RESOURCE_TYPE_MEMORY = 0, /* one of the plan's memories; its index is a SacMemoryKind */
    SAC_RESOURCE_TYPE_TENSOR = 1, /* what is bound for a tensor; its index is that of sacGetPlanTensors */
    SAC_RESOURCE_TYPE_ENABLE = 2, /* SacRunInfo::enable; its index is 0 */
    SAC_RESOURCE_TYPE_RESET = 3,  /* SacRunInfo::reset; its index is 0 */
    SAC_RESOURCE_TYPE_MAX_ENUM = 0x7fffffff
} SacResourceType;

/* What a command does with one buffer range, or with each image of a tensor. */
typedef struct SacResourceAccess {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_RESOURCE_ACCESS */
    void* pNext;
    SacResourceType type;
    uint32_t index;
    VkPipelineStageFlags stages; /* never 0 */
    VkAccessFlags access;        /* never 0; of all stages together */
    /* Of images: the layout that the command finds and leaves them in. Outputs: GENERAL. Inputs:
     * SHADER_READ_ONLY_OPTIMAL; a run takes the others that SacImageBinding::layout lists as well.
     * Of buffers: UNDEFINED */
    VkImageLayout layout;
} SacResourceAccess;

#ifndef SAC_NO_PROTOTYPES

/* Infers shapes, places every intermediate in the workspace, compiles pipelines. May take long (pipelines); call it
 * from a loading thread. Pipelines that the context already has are shared.
 * Errors: INVALID_ARGUMENT (a member is out of its range; an input or its images are unknown, missing or of the wrong
 * shape), INVALID_CONFIG (options), UNSUPPORTED (a tensor beyond maxStorageBufferRange, a dispatch beyond
 * maxComputeWorkGroupCount or maxPerStageDescriptorStorageBuffers, precision or type, image format, table, more to bind
 * than SAC_MAX_BOUND), OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, DEVICE_LOST, CANCELLED, VULKAN. */
SAC_API SacResult VKAPI_CALL sacCreatePlan(SacModel model, const SacPlanInfo* info, SacPlan* plan, SacError* error);

/* NULL is ignored. The GPU must have finished with everything recorded from the plan. */
SAC_API void VKAPI_CALL sacDestroyPlan(SacPlan plan);

/* Errors: INVALID_ARGUMENT. */
SAC_API SacResult VKAPI_CALL sacGetPlanMemory(SacPlan plan, SacMemoryKind kind, SacMemoryRequirements* requirements,
                                              SacError* error);

/* The inputs in the order of SacPlanInfo::inputs, then the outputs in that of SacPlanInfo::outputs: tensor i is what
 * SacTensorBinding::tensor calls i. `*count` is the capacity of `infos` on entry and the number written on return; with
 * infos == NULL it is set to the number there are. Errors: INVALID_ARGUMENT (also: too small). */
SAC_API SacResult VKAPI_CALL sacGetPlanTensors(SacPlan plan, uint32_t* count, SacTensorInfo* infos, SacError* error);

/* Errors: INVALID_ARGUMENT. */
SAC_API SacResult VKAPI_CALL sacGetPlanProperties(SacPlan plan, SacPlanProperties* properties, SacError* error);

/* The stages of one run, in the order they are recorded. `*count` is the capacity of `infos` on entry and the number
 * written on return; with infos == NULL it is set to the number there are. Errors: INVALID_ARGUMENT (also: too small).
 */
SAC_API SacResult VKAPI_CALL sacGetPlanStages(SacPlan plan, uint32_t* count, SacStageInfo* infos, SacError* error);

/* What a plan's memory is made of, in the order weights, tables, workspace, state, parameters, so that an engine can
 * budget it or find the largest part:
 *   weights     packed tensors, as shaders read them. They have the checkpoint's names without the prefix. A tensor
 *               packed from several has its layer's name
 *   tables      position bias tables
 *   workspace   intermediates and scratch; places of inputs that a run may bring by value; workgroup counts of a
 *               conditional plan
 *   state       key-value caches
 *   parameters  a block for each dispatch, by the name of its stage; bytes
 * Names within a kind are unique: the second part that would be called "q" is called "q#2", the third "q#3".
 * `*count` is the capacity of `parts` on entry and the number written on return; with parts == NULL it is set to the
 * number there are. Errors: INVALID_ARGUMENT (also: too small). */
SAC_API SacResult VKAPI_CALL sacGetPlanMemoryParts(SacPlan plan, uint32_t* count, SacMemoryPart* parts,
                                                   SacError* error);

/* The synchronization contract as data, for a render graph: every resource that a command of this plan touches, each
 * once, with all that it does to it. What is not listed is not touched. Memories come first, by kind, then tensors, by
 * index, then `enable`, then `reset`.
 * An upload is one that copies the weights and builds the tables; one that does less does a part of this. A run is one
 * of any batch. Where an input can come by value, the answer covers that and a buffer.
 * A barrier before the command has `stages` and `access` as its destination, one after it has `stages` and the writes
 * in `access` as its source.
 * `*count` is the capacity of `accesses` on entry and the number written on return; with accesses == NULL it is set to
 * the number there are. Errors: INVALID_ARGUMENT (also: too small). */
SAC_API SacResult VKAPI_CALL sacGetPlanAccess(SacPlan plan, SacCommand command, uint32_t* count,
                                              SacResourceAccess* accesses, SacError* error);

/* Makes a safetensors file of parts of one memory: intermediates that a run left in the workspace, caches, packed
 * weights. First copy the range that was bound to host memory; its buffer needs TRANSFER_SRC usage for that.
 *   kind       any but STAGING. WORKSPACE: only of a plan made with SAC_PLAN_NO_ALIASING_BIT, since in others parts
 *              overwrite each other
 *   data       required where there are bytes; dataSize is the size that sacGetPlanMemory answers for `kind`
 *   names      nameCount parts of `kind`, as sacGetPlanMemoryParts names them; nameCount 0: all there are
 *   fileSize   required; on return the bytes of the file, which depend on the names alone
 *   file       NULL: only fileSize is set; else *fileSize is its capacity on entry
 * Metadata "memory" is the kind in lower case ("workspace"). After a run of a smaller batch the entries beyond it are
 * undefined.
 * Errors: INVALID_ARGUMENT (also: a name is unknown or given twice, the capacity is too small), OUT_OF_HOST_MEMORY.
 * Then `file` and *fileSize are as they were. */
SAC_API SacResult VKAPI_CALL sacWriteMemoryParts(SacPlan plan, SacMemoryKind kind, const void* data, size_t dataSize,
                                                 uint32_t nameCount, const char* const* names, size_t* fileSize,
                                                 void* file, SacError* error);

#endif

/* ---- Dispatches, for a renderer that records them itself -------------------------------------------------------- */

/* Some renderers hand out no VkCommandBuffer, or are not on Vulkan. They ask a plan what sacCmdUpload or sacCmdRun
 * would dispatch, and dispatch it in their own way. docs/integration.md, "An engine without a command buffer", has the
 * steps. All of this works in a context without a device, so that plans can be baked for a machine that is not here. */

#define SAC_MAX_DISPATCH_BINDINGS 16u

/* What a dispatch uses at one binding of descriptor set 0. */
typedef struct SacDispatchBinding {
    /* STORAGE_BUFFER, UNIFORM_BUFFER, SAMPLED_IMAGE, which is read without a sampler, or STORAGE_IMAGE */
    VkDescriptorType descriptorType;
    /* SHADER_READ, SHADER_WRITE, both of them, or UNIFORM_READ. 0: the shader declares the binding and does not touch
     * it, so that anything of that type serves. */
    VkAccessFlags access;
    SacResourceType type; /* MEMORY or TENSOR */
    uint32_t index;       /* a SacMemoryKind, or the tensor's index in sacGetPlanTensors */
    uint32_t image;       /* of a tensor of images: which one; else 0 */
    VkDeviceSize offset;  /* bytes from where the memory begins; of a tensor 0 */
    VkDeviceSize size;    /* bytes; 0 for an image */
} SacDispatchBinding;

/* One compute dispatch. It has no push constants. */
typedef struct SacDispatch {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_DISPATCH */
    void* pNext;
    const char* name;   /* of its stage, as in SacStageInfo; valid while the plan lives */
    uint32_t shader;    /* its index in sacGetPlanShaders */
    uint32_t groups[3]; /* workgroups, for the planned batch */
    /* A run of the first b entries of the batch has groups[2] = b * groupsPerEntry. 0: as many for any batch */
    uint32_t groupsPerEntry;
    /* A barrier stands before it: from COMPUTE_SHADER, SHADER_WRITE to COMPUTE_SHADER, SHADER_READ | SHADER_WRITE, over
     * everything that dispatches since the last one have used. */
    VkBool32 barrier;
    uint32_t bindingCount;
    SacDispatchBinding bindings[SAC_MAX_DISPATCH_BINDINGS]; /* binding i of set 0 */
} SacDispatch;

/* A shader that dispatches of a plan use, with its specialization constants folded to literals. */
typedef struct SacShader {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_SHADER */
    void* pNext;
    const char* name;       /* of the kernel: "gemmF16". A literal of the library; several shaders may have one name */
    const char* entryPoint; /* a literal of the library */
    uint32_t workgroupSize[3]; /* invocations, as its LocalSize says */
    size_t codeSize;           /* bytes of sacGetPlanShaderCode */
} SacShader;

#ifndef SAC_NO_PROTOTYPES

/* The dispatches of a command in order, as sacCmdUpload (one that builds the tables) and sacCmdRun record them. What
 * these record beside them is the caller's to do: weights and parameters are host bytes, see sacWriteWeights and
 * sacWriteParameters, and a state is set to zeros by clearing its buffer. Barriers before the first dispatch and after
 * the last are those of the synchronization contract.
 * `*count` is the capacity of `dispatches` on entry and the number written on return; with dispatches == NULL it is set
 * to the number there are. Errors: INVALID_ARGUMENT (also: too small; a plan made with SAC_PLAN_CONDITIONAL_BIT or
 * SAC_PLAN_CONDITIONAL_RESET_BIT, of which numbers on the GPU decide what is dispatched), OUT_OF_HOST_MEMORY. */
SAC_API SacResult VKAPI_CALL sacGetPlanDispatches(SacPlan plan, SacCommand command, uint32_t* count,
                                                  SacDispatch* dispatches, SacError* error);

/* The shaders of both commands, each once: dispatches of equal SacDispatch::shader can share a pipeline. `*count` as in
 * sacGetPlanDispatches. Errors: INVALID_ARGUMENT (also: too small), OUT_OF_HOST_MEMORY. */
SAC_API SacResult VKAPI_CALL sacGetPlanShaders(SacPlan plan, uint32_t* count, SacShader* shaders, SacError* error);

/* SPIR-V 1.3 of a shader, valid for Vulkan 1.1. It has no specialization constants, a literal LocalSize and one entry
 * point. Plans with equal shapes, options and profiles have equal code.
 *   shader    index in sacGetPlanShaders
 *   codeSize  required; on return SacShader::codeSize
 *   code      NULL: only codeSize is set; else *codeSize is its capacity in bytes on entry. Any alignment
 * Errors: INVALID_ARGUMENT (also: the capacity is too small), OUT_OF_HOST_MEMORY. Then `code` and *codeSize are as they
 * were. */
SAC_API SacResult VKAPI_CALL sacGetPlanShaderCode(SacPlan plan, uint32_t shader, size_t* codeSize, void* code,
                                                  SacError* error);

/* Writes bytes of what SAC_MEMORY_PARAMETERS has to hold, from `offset` on, as sacWriteWeights does for the weights.
 * Where sacCmdUpload is called, it fills the parameters itself. Errors: INVALID_ARGUMENT. */
SAC_API SacResult VKAPI_CALL sacWriteParameters(SacPlan plan, VkDeviceSize offset, VkDeviceSize size, void* data,
                                                SacError* error);

#endif

/* ---- Position bias of deformable attention ---------------------------------------------------------------------- */

/* The continuous position bias of DeformableAttention1D to 3D is a fixed function of one to three coordinates. It is
 * either evaluated exactly for every query and key, or tabulated once per upload and interpolated. Where the device's
 * subgroups ballot and shuffle, the exact one goes along rows of queries, in blocks of at most 16 MiB of the workspace;
 * elsewhere every pair evaluates the network, which takes several times as long. */
typedef enum SacPositionBiasMode SAC_ENUM_TYPE {
    SAC_POSITION_BIAS_MODE_AUTO = 0, /* the smallest table that meets the tolerance; EXACT if none in the limit does */
    SAC_POSITION_BIAS_MODE_EXACT = 1,
    /* The smallest table that meets the tolerance; if none within the limit does, the finest one, and a warning in the
     * log. SacPositionBiasProperties::tableError says what it is off by. UNSUPPORTED if no table fits the limit. */
    SAC_POSITION_BIAS_MODE_TABLE = 2,
    SAC_POSITION_BIAS_MODE_MAX_ENUM = 0x7fffffff
} SacPositionBiasMode;

/* Extends SacPlanInfo. Without it, and for modules without such a bias, all members count as zero. */
typedef struct SacPositionBiasInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_POSITION_BIAS_INFO */
    const void* pNext;
    SacPositionBiasMode mode;
    /* Largest rms error of a table, in units of the bias. The bias is added to the scores that enter the softmax: an
     * error of e there changes an attention weight by a factor of about 1 + e. 0: 1e-4. Range (0, 1] */
    float tolerance;
    VkDeviceSize tableLimit; /* bytes of the table at most; 0: 16 MiB */
} SacPositionBiasInfo;

/* Extends SacPlanProperties. */
typedef struct SacPositionBiasProperties {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_POSITION_BIAS_PROPERTIES */
    void* pNext;
    SacPositionBiasMode mode; /* EXACT or TABLE; AUTO where the module has no such bias */
    uint32_t tableSize[3];    /* nodes per axis; 0 beyond the table's dimensions, and without a table */
    float tableError;         /* rms error, measured at plan creation; 0 without a table */
} SacPositionBiasProperties;

/* ---- Recording -------------------------------------------------------------------------------------------------- */

typedef struct SacBufferRange {
    VkBuffer buffer;
    VkDeviceSize offset;
    VkDeviceSize size; /* bytes from offset that the library may use; VK_WHOLE_SIZE is not allowed */
} SacBufferRange;

typedef enum SacUploadFlagBits SAC_ENUM_TYPE {
    /* The tables are there, from a plan with an equal SacPlanProperties::tablesKey: none are built. */
    SAC_UPLOAD_SHARED_TABLES_BIT = 0x1,
    SAC_UPLOAD_FLAG_BITS_MAX_ENUM = 0x7fffffff
} SacUploadFlagBits;
typedef VkFlags SacUploadFlags;

typedef struct SacUploadInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_UPLOAD_INFO */
    const void* pNext;
    SacUploadFlags flags;
    SacBufferRange weights; /* at least SAC_MEMORY_WEIGHTS; likewise below. May be null where 0 bytes are needed */
    SacBufferRange tables;
    SacBufferRange workspace;
    SacBufferRange parameters;
    /* What sacWriteWeights wrote; its copy to `weights` is recorded. Null: nothing is copied. `weights` then holds the
     * weights when the commands execute: the host wrote them there, or another plan of the model uses them already. */
    SacBufferRange staging;
} SacUploadInfo;

typedef struct SacImageBinding {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_IMAGE_BINDING */
    const void* pNext;
    VkImageView view; /* as the SacImageDesc of the plan says */
    /* That the image is in during the run. Inputs: SHADER_READ_ONLY_OPTIMAL, GENERAL, DEPTH_STENCIL_READ_ONLY_OPTIMAL
     * or (Vulkan 1.2) DEPTH_READ_ONLY_OPTIMAL; outputs: GENERAL */
    VkImageLayout layout;
} SacImageBinding;
/* Binding one view twice is refused if one of the two is written. Two views of the same texels are not detected: avoid
 * them. */

/* An input or output of the plan, bound for one run: by buffer, by images or by value, one of them. */
typedef struct SacTensorBinding {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_TENSOR_BINDING */
    const void* pNext;
    uint32_t tensor;       /* index in sacGetPlanTensors */
    SacBufferRange buffer; /* storage buffer usage; offset a multiple of minStorageBufferOffsetAlignment */
    /* For INT32 inputs of one element (a cache's "offset"): the value, instead of a buffer. SacTensorInfo::minValue to
     * maxValue. It is read during the call and recorded: a command buffer that is submitted again uses the same value.
     * NULL: none */
    const int32_t* value;
    uint32_t imageCount; /* of a tensor that the plan has as images: as many as there; else 0 */
    const SacImageBinding* images;
} SacTensorBinding;

/* Where a run writes when its stages ended: query `first` before the first stage, query first + 1 + i after stage i of
 * sacGetPlanStages, each with vkCmdWriteTimestamp in COMPUTE_SHADER. So a query holds the time at which the dispatches
 * of its stage and all compute work before it had finished. Stages with no barrier between them may overlap: the time
 * between two queries is what the stage took beyond those before it, and all of them add up to the run.
 * The caller resets these queries in the command buffer before (vkCmdResetQueryPool) or on the host, and records for a
 * queue family whose timestampValidBits is not 0. */
typedef struct SacTimestampRange {
    VkQueryPool pool; /* of VK_QUERY_TYPE_TIMESTAMP; null: no timestamps are written */
    uint32_t first;
    uint32_t count; /* queries from `first` that the library may use; at least the stages + 1 */
} SacTimestampRange;

typedef enum SacRunFlagBits SAC_ENUM_TYPE {
    /* Sets all bytes of the state to zero before the first stage. The library records one dispatch for every
     * maxStorageBufferRange bytes and a barrier after them; dispatchCount, barrierCount and the stages do not count
     * these. A run that `enable` skips keeps the state. For a plan without state the bit does nothing. */
    SAC_RUN_RESET_STATE_BIT = 0x1,
    /* A run without workgroups: it reads and writes nothing, but for numbers by value in the workspace. Drivers that
     * compile a pipeline when it is first executed do so then: submit one on the loading thread, and the first frame
     * costs what all of them do. Not for plans with SAC_PLAN_CONDITIONAL_BIT. */
    SAC_RUN_WARM_UP_BIT = 0x2,
    SAC_RUN_FLAG_BITS_MAX_ENUM = 0x7fffffff
} SacRunFlagBits;
typedef VkFlags SacRunFlags;

typedef struct SacRunInfo {
    SacStructureType sType; /* SAC_STRUCTURE_TYPE_RUN_INFO */
    const void* pNext;
    SacRunFlags flags;
    SacBufferRange weights; /* at least SAC_MEMORY_WEIGHTS; likewise below. May be null where 0 bytes are needed */
    SacBufferRange tables;
    SacBufferRange workspace;
    SacBufferRange state;
    SacBufferRange parameters;
    uint32_t bindingCount; /* every tensor of sacGetPlanTensors exactly once, SAC_TENSOR_HOST_BIT ones excepted */
    const SacTensorBinding* bindings;
    uint32_t batch; /* entries of the batch to compute, from the first; 0: as planned. At most as planned */
    SacTimestampRange timestamps; /* zero: none */
    /* Only for plans made with SAC_PLAN_CONDITIONAL_BIT, which require it: storage buffer usage, offset a multiple of
     * minStorageBufferOffsetAlignment, at least 4 bytes. The first uint32_t is read on the GPU before the first stage.
     * 0: the run does nothing, outputs and state keep their contents. Anything else: it runs. The workspace's contents
     * are undefined either way, and timestamps are written. A command buffer that is submitted again reads it again. */
    SacBufferRange enable;
    /* Only for plans made with SAC_PLAN_CONDITIONAL_RESET_BIT, which require it, with or without state. The range
     * follows the rules of `enable`. The GPU reads the first uint32_t before the first stage. 0: the state keeps its
     * contents, unless `flags` has RESET_STATE_BIT. Any other number resets it like that bit. A command buffer that is
     * submitted again reads the number again. */
    SacBufferRange reset;
} SacRunInfo;

#ifndef SAC_NO_PROTOTYPES

/* Writes bytes of the packed weights to host memory: what SAC_MEMORY_WEIGHTS has to hold from `offset` on. Write them
 * to mapped staging memory and let sacCmdUpload copy them, or to the weights' own memory if that is mapped (resizable
 * BAR, unified memory). A null staging of sacCmdUpload says so. offset, size  any part of the bytes that
 * sacGetPlanMemory answers for SAC_MEMORY_WEIGHTS. The parts of the whole may be written in any order, on any threads,
 * also at once; a part may begin and end within a tensor. Bytes between tensors are written as 0, so that equal parts
 * are equal byte by byte data          required if size is not 0; `size` bytes of any alignment. The library writes
 * them front to back and does not read them, so write-combined memory serves. Flush it before submission if it is not
 * coherent All plans of one model at one precision have the same weights. Each call packs every tensor that the part
 * touches, so parts of whole tensors cost least; sacGetPlanMemoryParts lists them. Packing takes host memory for one
 * tensor at a time, which is freed before the call returns. Needs no device; any thread. Errors: INVALID_ARGUMENT,
 * OUT_OF_HOST_MEMORY. Then `data` may be written in part. */
SAC_API SacResult VKAPI_CALL sacWriteWeights(SacPlan plan, VkDeviceSize offset, VkDeviceSize size, void* data,
                                             SacError* error);

/* Records the copy of the weights from `staging`, what fills `parameters`, and the dispatches that build `tables`.
 * Recorded once; all of them stay valid for every later run. Allocates nothing.
 * The command buffer is in the recording state, outside of a render pass. Thread: as the command buffer's pool.
 * Errors: INVALID_ARGUMENT: a range is missing, too small, misaligned, or overlaps another. Then nothing was recorded.
 */
SAC_API SacResult VKAPI_CALL sacCmdUpload(SacPlan plan, VkCommandBuffer commandBuffer, const SacUploadInfo* info,
                                          SacError* error);

/* Records one run. No allocation, lock or pipeline creation happens here. Results do not depend on what the workspace
 * held. Any number of runs per command buffer, see the synchronization contract above.
 * The command buffer is in the recording state, outside of a render pass. Thread: as the command buffer's pool.
 * Errors: INVALID_ARGUMENT: a binding is unknown, missing, given twice, too small, misaligned, in a wrong image layout,
 * has more than one of buffer, images and value or one that it cannot take, outputs, workspace and state overlap with
 * each other or with what is read, there are fewer timestamps than stages + 1, a flag is unknown, or `enable` or
 * `reset` is missing, too small or misaligned in a plan that requires it, or given in another one. Then nothing was
 * recorded. */
SAC_API SacResult VKAPI_CALL sacCmdRun(SacPlan plan, VkCommandBuffer commandBuffer, const SacRunInfo* info,
                                       SacError* error);

#endif

/* ---- Pointer types of the functions ----------------------------------------------------------------------------- */

typedef const char*(VKAPI_PTR* PFN_sacResultString)(SacResult result);
typedef uint32_t(VKAPI_PTR* PFN_sacGetVersion)(void);
typedef SacResult(VKAPI_PTR* PFN_sacQueryDevice)(const SacDeviceQuery* query, SacDeviceSupport* support,
                                                 SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacExtendDeviceCreateInfo)(const SacDeviceQuery* query,
                                                            const VkDeviceCreateInfo* createInfo,
                                                            SacExtendedDeviceCreateInfo* extended, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacCreateContext)(const SacContextInfo* info, SacContext* context, SacError* error);
typedef void(VKAPI_PTR* PFN_sacDestroyContext)(SacContext context);
typedef SacResult(VKAPI_PTR* PFN_sacCreateModel)(SacContext context, const SacModelInfo* info, SacModel* model,
                                                 SacError* error);
typedef void(VKAPI_PTR* PFN_sacDestroyModel)(SacModel model);
typedef const char*(VKAPI_PTR* PFN_sacGetModuleName)(uint32_t index);
typedef const char*(VKAPI_PTR* PFN_sacGetModelModule)(SacModel model);
typedef SacResult(VKAPI_PTR* PFN_sacGetModuleDescription)(const char* module, SacModuleDescription* description,
                                                          SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetModuleKeys)(const char* module, SacKeyUse use, uint32_t* count,
                                                   SacKeyDescription* keys, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetModuleTensors)(const char* module, uint32_t* count,
                                                      SacTensorDescription* tensors, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetModelTensors)(SacModel model, uint32_t* count, SacTensorDescription* tensors,
                                                     SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacCreatePlan)(SacModel model, const SacPlanInfo* info, SacPlan* plan,
                                                SacError* error);
typedef void(VKAPI_PTR* PFN_sacDestroyPlan)(SacPlan plan);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanMemory)(SacPlan plan, SacMemoryKind kind,
                                                   SacMemoryRequirements* requirements, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanTensors)(SacPlan plan, uint32_t* count, SacTensorInfo* infos,
                                                    SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanProperties)(SacPlan plan, SacPlanProperties* properties, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanStages)(SacPlan plan, uint32_t* count, SacStageInfo* infos, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanMemoryParts)(SacPlan plan, uint32_t* count, SacMemoryPart* parts,
                                                        SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanAccess)(SacPlan plan, SacCommand command, uint32_t* count,
                                                   SacResourceAccess* accesses, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanDispatches)(SacPlan plan, SacCommand command, uint32_t* count,
                                                       SacDispatch* dispatches, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanShaders)(SacPlan plan, uint32_t* count, SacShader* shaders, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacGetPlanShaderCode)(SacPlan plan, uint32_t shader, size_t* codeSize, void* code,
                                                       SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacWriteParameters)(SacPlan plan, VkDeviceSize offset, VkDeviceSize size, void* data,
                                                     SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacWriteMemoryParts)(SacPlan plan, SacMemoryKind kind, const void* data,
                                                      size_t dataSize, uint32_t nameCount, const char* const* names,
                                                      size_t* fileSize, void* file, SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacWriteWeights)(SacPlan plan, VkDeviceSize offset, VkDeviceSize size, void* data,
                                                  SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacCmdUpload)(SacPlan plan, VkCommandBuffer commandBuffer, const SacUploadInfo* info,
                                               SacError* error);
typedef SacResult(VKAPI_PTR* PFN_sacCmdRun)(SacPlan plan, VkCommandBuffer commandBuffer, const SacRunInfo* info,
                                            SacError* error);

#ifdef __cplusplus
}
#endif

#endif /* SACCADE_SACCADE_H_ */
