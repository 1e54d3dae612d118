/* SPDX-License-Identifier: Apache-2.0 */
/* The whole integration in C99: a device made as the library advises, a checkpoint, one run, a few results.
 *
 *     minimal [MODEL.safetensors]
 *
 * The model is a DeformableAttention2D of 64 channels; without an argument samples/frame's. A real engine replaces
 * createBuffer by its own allocator and records into the command buffer it has anyway. */
#include <saccade/saccade.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { channels = 64, size = 32, elements = channels * size * size };

static void check(int ok, const char* what, const char* why) {
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}
#define VULKAN(call) check((call) == VK_SUCCESS, #call, "failed")
#define SACCADE(call) check((call) == SAC_SUCCESS, sacResultString(error.result), error.message)

static void* readFile(const char* path, size_t* bytes) {
    FILE* file = fopen(path, "rb");
    check(file && fseek(file, 0, SEEK_END) == 0, path, "cannot be read");
    const long end = ftell(file);
    check(end > 0 && fseek(file, 0, SEEK_SET) == 0, path, "is empty or cannot be read");
    void* data = malloc((size_t)end);
    check(data && fread(data, 1, (size_t)end, file) == (size_t)end, path, "cannot be read");
    fclose(file);
    *bytes = (size_t)end;
    return data;
}

typedef struct Buffer {
    SacBufferRange range;
    VkDeviceMemory memory;
    void* data;
} Buffer;

/* Mapped memory for everything, which is simple; weights and workspace belong into device-local memory. */
static Buffer createBuffer(VkPhysicalDevice gpu, VkDevice device, VkDeviceSize bytes, VkBufferUsageFlags usage) {
    Buffer out = {{VK_NULL_HANDLE, 0, bytes}, VK_NULL_HANDLE, NULL};
    if (bytes == 0)
        return out;
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = bytes, .usage = usage};
    VULKAN(vkCreateBuffer(device, &info, NULL, &out.range.buffer));
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device, out.range.buffer, &needs);
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(gpu, &memory);
    const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    uint32_t type = 0;
    while (type < memory.memoryTypeCount &&
           (!(needs.memoryTypeBits >> type & 1) || (memory.memoryTypes[type].propertyFlags & wanted) != wanted))
        ++type;
    check(type < memory.memoryTypeCount, "vkGetPhysicalDeviceMemoryProperties", "no mappable memory for a buffer");
    const VkMemoryAllocateInfo allocation = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = needs.size, .memoryTypeIndex = type};
    VULKAN(vkAllocateMemory(device, &allocation, NULL, &out.memory));
    VULKAN(vkBindBufferMemory(device, out.range.buffer, out.memory, 0));
    VULKAN(vkMapMemory(device, out.memory, 0, VK_WHOLE_SIZE, 0, &out.data));
    return out;
}

static void destroyBuffer(VkDevice device, Buffer* buffer) {
    vkDestroyBuffer(device, buffer->range.buffer, NULL);
    vkFreeMemory(device, buffer->memory, NULL);
}

static int hasInstanceExtension(const char* name) {
    VkExtensionProperties extensions[64];
    uint32_t count = 64;
    const VkResult listed = vkEnumerateInstanceExtensionProperties(NULL, &count, extensions);
    check(listed == VK_SUCCESS || listed == VK_INCOMPLETE, "vkEnumerateInstanceExtensionProperties", "failed");
    while (count > 0 && strcmp(extensions[count - 1].extensionName, name) != 0)
        --count;
    return count > 0;
}

int main(int argc, char** argv) {
    SacError error;

    /* Instance and device: Vulkan 1.1, a queue that computes, and what the library adds to that. Portability drivers
     * (MoltenVK) are listed to whom asks for them. */
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_1};
    const char* const portability = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    VkInstanceCreateInfo instanceInfo = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                         .pApplicationInfo = &application,
                                         .ppEnabledExtensionNames = &portability};
    if (hasInstanceExtension(portability)) {
        instanceInfo.flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
        instanceInfo.enabledExtensionCount = 1;
    }
    VkInstance instance;
    VULKAN(vkCreateInstance(&instanceInfo, NULL, &instance));
    VkPhysicalDevice gpu = VK_NULL_HANDLE;
    uint32_t count = 1;
    const VkResult listed = vkEnumeratePhysicalDevices(instance, &count, &gpu);
    check((listed == VK_SUCCESS || listed == VK_INCOMPLETE) && count == 1, "vkEnumeratePhysicalDevices", "no device");
    const SacDeviceQuery query = {SAC_STRUCTURE_TYPE_DEVICE_QUERY, NULL, vkGetInstanceProcAddr, instance, gpu};

    VkQueueFamilyProperties families[16];
    uint32_t familyCount = 16, family = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(gpu, &familyCount, families);
    while (family < familyCount && !(families[family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        ++family;
    check(family < familyCount, "vkGetPhysicalDeviceQueueFamilyProperties", "no queue computes");
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queueInfo = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                               .queueFamilyIndex = family,
                                               .queueCount = 1,
                                               .pQueuePriorities = &priority};
    const VkDeviceCreateInfo deviceInfo = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queueInfo};
    SacExtendedDeviceCreateInfo extended = {.sType = SAC_STRUCTURE_TYPE_EXTENDED_DEVICE_CREATE_INFO};
    SACCADE(sacExtendDeviceCreateInfo(&query, &deviceInfo, &extended, &error));
    VkDevice device;
    VULKAN(vkCreateDevice(gpu, &extended.createInfo, NULL, &device));
    VkQueue queue;
    vkGetDeviceQueue(device, family, 0, &queue);

    /* Context, model, plan. */
    const SacContextInfo contextInfo = {.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO,
                                        .apiVersion = SAC_VERSION,
                                        .getInstanceProcAddr = vkGetInstanceProcAddr,
                                        .instance = instance,
                                        .physicalDevice = gpu,
                                        .device = device,
                                        .enabledFeatures = extended.features};
    SacContext context;
    SACCADE(sacCreateContext(&contextInfo, &context, &error));
    SacModelInfo modelInfo = {.sType = SAC_STRUCTURE_TYPE_MODEL_INFO};
    void* file = readFile(argc > 1 ? argv[1] : SACCADE_SAMPLE_DIR "/frame/model.safetensors", &modelInfo.size);
    modelInfo.data = file;
    SacModel model;
    SACCADE(sacCreateModel(context, &modelInfo, &model, &error));
    const SacTensorDesc xDesc = {
        .sType = SAC_STRUCTURE_TYPE_TENSOR_DESC, .name = "x", .rank = 4, .shape = {1, channels, size, size}};
    const SacPlanInfo planInfo = {.sType = SAC_STRUCTURE_TYPE_PLAN_INFO, .inputCount = 1, .inputs = &xDesc};
    SacPlan plan;
    SACCADE(sacCreatePlan(model, &planInfo, &plan, &error));

    /* Memory: what the plan asks for, and its input and output. */
    Buffer memory[SAC_MEMORY_KIND_COUNT], x, y;
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
        SacMemoryRequirements needs = {.sType = SAC_STRUCTURE_TYPE_MEMORY_REQUIREMENTS};
        SACCADE(sacGetPlanMemory(plan, (SacMemoryKind)kind, &needs, &error));
        memory[kind] = createBuffer(gpu, device, needs.size, needs.usage);
    }
    SacTensorInfo tensors[2] = {{.sType = SAC_STRUCTURE_TYPE_TENSOR_INFO}, {.sType = SAC_STRUCTURE_TYPE_TENSOR_INFO}};
    uint32_t tensorCount = 2;
    SACCADE(sacGetPlanTensors(plan, &tensorCount, tensors, &error));
    x = createBuffer(gpu, device, tensors[0].size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    y = createBuffer(gpu, device, tensors[1].size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    SACCADE(sacWriteWeights(plan, 0, memory[SAC_MEMORY_STAGING].range.size, memory[SAC_MEMORY_STAGING].data, &error));
    for (int i = 0; i < elements; ++i)
        ((float*)x.data)[i] = (float)(i % 17) / 8.0f - 1.0f;

    /* One command buffer: upload, a barrier, the run, a barrier. An engine uploads once and runs every frame. */
    const VkCommandPoolCreateInfo poolInfo = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                              .queueFamilyIndex = family};
    VkCommandPool pool;
    VULKAN(vkCreateCommandPool(device, &poolInfo, NULL, &pool));
    const VkCommandBufferAllocateInfo allocateInfo = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = pool, .commandBufferCount = 1};
    VkCommandBuffer commandBuffer;
    VULKAN(vkAllocateCommandBuffers(device, &allocateInfo, &commandBuffer));
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VULKAN(vkBeginCommandBuffer(commandBuffer, &begin));
    const SacUploadInfo upload = {.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO,
                                  .weights = memory[SAC_MEMORY_WEIGHTS].range,
                                  .tables = memory[SAC_MEMORY_TABLES].range,
                                  .workspace = memory[SAC_MEMORY_WORKSPACE].range,
                                  .parameters = memory[SAC_MEMORY_PARAMETERS].range,
                                  .staging = memory[SAC_MEMORY_STAGING].range};
    SACCADE(sacCmdUpload(plan, commandBuffer, &upload, &error));
    const VkMemoryBarrier uploaded = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                      .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT,
                                      .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
    vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                         VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &uploaded, 0, NULL, 0, NULL);
    const SacTensorBinding bindings[2] = {{.sType = SAC_STRUCTURE_TYPE_TENSOR_BINDING, .tensor = 0, .buffer = x.range},
                                          {.sType = SAC_STRUCTURE_TYPE_TENSOR_BINDING, .tensor = 1, .buffer = y.range}};
    const SacRunInfo run = {.sType = SAC_STRUCTURE_TYPE_RUN_INFO,
                            .weights = memory[SAC_MEMORY_WEIGHTS].range,
                            .tables = memory[SAC_MEMORY_TABLES].range,
                            .workspace = memory[SAC_MEMORY_WORKSPACE].range,
                            .parameters = memory[SAC_MEMORY_PARAMETERS].range,
                            .state = memory[SAC_MEMORY_STATE].range,
                            .bindingCount = 2,
                            .bindings = bindings};
    SACCADE(sacCmdRun(plan, commandBuffer, &run, &error));
    const VkMemoryBarrier done = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                  .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                                  .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
    vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &done,
                         0, NULL, 0, NULL);
    VULKAN(vkEndCommandBuffer(commandBuffer));
    const VkSubmitInfo submission = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commandBuffer};
    VULKAN(vkQueueSubmit(queue, 1, &submission, VK_NULL_HANDLE));
    VULKAN(vkQueueWaitIdle(queue));
    for (int i = 0; i < 4; ++i)
        printf("y[%d] = %f\n", i, ((const float*)y.data)[i]);

    /* Children first; the GPU has finished. */
    sacDestroyPlan(plan);
    sacDestroyModel(model);
    free(file);
    sacDestroyContext(context);
    for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind)
        destroyBuffer(device, &memory[kind]);
    destroyBuffer(device, &x);
    destroyBuffer(device, &y);
    vkDestroyCommandPool(device, pool, NULL);
    vkDestroyDevice(device, NULL);
    vkDestroyInstance(instance, NULL);
    return EXIT_SUCCESS;
}
