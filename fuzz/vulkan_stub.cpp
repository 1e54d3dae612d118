// SPDX-License-Identifier: Apache-2.0
#include "vulkan_stub.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "bounded_memory.hpp"
#include "vulkan/dispatch_table.hpp"

namespace saccade::fuzz {
namespace {

struct State {
    StubDevice device;
    uint64_t lastHandle = 0;
    std::set<uint64_t> objects;              // made by the library
    std::map<uint64_t, VkDeviceSize> memory; // size of each buffer the engine has
    std::set<uint64_t> views;
    uint64_t dispatches = 0;
    bool pipelineIsBound = false;
} state;

using ull = unsigned long long;

constexpr VkDeviceSize uniformRange = 16384; // the least that Vulkan asks of a device

template <class Handle>
uint64_t number(Handle handle) {
    return (uint64_t)handle;
}

template <class Handle>
VkResult make(Handle* handle) {
    state.objects.insert(++state.lastHandle);
    *handle = (Handle)state.lastHandle;
    return VK_SUCCESS;
}

template <class Handle>
void destroy(Handle handle) {
    if (handle && !state.objects.erase(number(handle)))
        fail("destroyed: %llu, which is no object or was destroyed before", static_cast<ull>(number(handle)));
}

template <class Handle>
void requireObject(const char* what, Handle handle) {
    if (!state.objects.contains(number(handle)))
        fail("%s: %llu is no living object", what, static_cast<ull>(number(handle)));
}

void requireRange(const char* what, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size) {
    const auto found = state.memory.find(number(buffer));
    if (found == state.memory.end())
        fail("%s: %llu is no buffer of the engine", what, static_cast<ull>(number(buffer)));
    if (size == 0 || offset > found->second || size > found->second - offset)
        fail("%s: bytes %llu + %llu of a buffer of %llu", what, static_cast<ull>(offset), static_cast<ull>(size),
             static_cast<ull>(found->second));
}

void requireBuffer(uint32_t binding, const VkDescriptorBufferInfo& info, VkDeviceSize mostBytes) {
    requireRange("descriptor", info.buffer, info.offset, info.range);
    if (info.offset % state.device.offsetAlignment)
        fail("binding %u: offset %llu is misaligned", binding, static_cast<ull>(info.offset));
    if (info.range > mostBytes)
        fail("binding %u: range %llu", binding, static_cast<ull>(info.range));
}

void requireWrites(uint32_t count, const VkWriteDescriptorSet* writes) {
    for (const VkWriteDescriptorSet* write = writes; write != writes + count; ++write)
        for (uint32_t i = 0; i < write->descriptorCount; ++i) {
            if (write->descriptorType == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER)
                requireBuffer(write->dstBinding, write->pBufferInfo[i], state.device.storageRange);
            else if (write->descriptorType == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER)
                requireBuffer(write->dstBinding, write->pBufferInfo[i], uniformRange);
            else if (!state.views.contains(number(write->pImageInfo[i].imageView)))
                fail("binding %u: no image view of the engine", write->dstBinding);
        }
}

// The structure of a type in a pNext chain of answers.
template <class Structure>
Structure* inChain(void* next, VkStructureType type) {
    for (auto* one = static_cast<VkBaseOutStructure*>(next); one; one = one->pNext)
        if (one->sType == type)
            return reinterpret_cast<Structure*>(one);
    return nullptr;
}

} // namespace

// The functions of runtime/vulkan/dispatch_table.hpp by their names, so that a new one there is missed here.
namespace stub {

void VKAPI_CALL GetPhysicalDeviceProperties2(VkPhysicalDevice, VkPhysicalDeviceProperties2* answer) {
    const StubDevice& device = state.device;
    VkPhysicalDeviceProperties& properties = answer->properties;
    properties = {};
    properties.apiVersion = VK_API_VERSION_1_1;
    properties.deviceType = device.type;
    VkPhysicalDeviceLimits& limits = properties.limits;
    limits.maxComputeSharedMemorySize = device.sharedMemory;
    limits.maxComputeWorkGroupInvocations = device.invocations;
    for (int axis = 0; axis < 3; ++axis) {
        limits.maxComputeWorkGroupCount[axis] = device.groupCount[axis];
        limits.maxComputeWorkGroupSize[axis] = axis < 2 ? device.invocations : 64;
    }
    limits.maxPerStageDescriptorStorageBuffers = device.storageBuffers;
    limits.maxStorageBufferRange = device.storageRange;
    limits.maxUniformBufferRange = uniformRange;
    limits.minStorageBufferOffsetAlignment = device.offsetAlignment;
    limits.minUniformBufferOffsetAlignment = device.offsetAlignment;
    limits.maxPushConstantsSize = 128;
    if (auto* subgroup = inChain<VkPhysicalDeviceSubgroupProperties>(
            answer->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES)) {
        subgroup->subgroupSize = device.subgroupSize;
        subgroup->supportedStages = VK_SHADER_STAGE_COMPUTE_BIT;
        subgroup->supportedOperations = device.subgroupOperations;
    }
}

void VKAPI_CALL GetPhysicalDeviceFeatures2(VkPhysicalDevice, VkPhysicalDeviceFeatures2* answer) {
    if (auto* storage = inChain<VkPhysicalDevice16BitStorageFeatures>(
            answer->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES))
        storage->storageBuffer16BitAccess = state.device.storage16Bit;
}

VkResult VKAPI_CALL EnumerateDeviceExtensionProperties(VkPhysicalDevice, const char*, uint32_t* count,
                                                       VkExtensionProperties* extensions) {
    *count = state.device.pushDescriptors ? 1 : 0;
    if (extensions && *count)
        std::strcpy(extensions[0].extensionName, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
    return VK_SUCCESS;
}

void VKAPI_CALL GetPhysicalDeviceFormatProperties(VkPhysicalDevice, VkFormat, VkFormatProperties* properties) {
    properties->optimalTilingFeatures = VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT | VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT;
}

VkResult VKAPI_CALL CreateBuffer(VkDevice, const VkBufferCreateInfo* info, const VkAllocationCallbacks*,
                                 VkBuffer* buffer) {
    if (info->size == 0 || info->usage == 0)
        fail("vkCreateBuffer: %llu bytes, usage 0x%x", static_cast<ull>(info->size), info->usage);
    return make(buffer);
}
void VKAPI_CALL DestroyBuffer(VkDevice, VkBuffer buffer, const VkAllocationCallbacks*) { destroy(buffer); }
void VKAPI_CALL GetBufferMemoryRequirements(VkDevice, VkBuffer buffer, VkMemoryRequirements* requirements) {
    requireObject("vkGetBufferMemoryRequirements", buffer);
    *requirements = {4, 4, 1};
}

VkResult VKAPI_CALL CreateShaderModule(VkDevice, const VkShaderModuleCreateInfo* info, const VkAllocationCallbacks*,
                                       VkShaderModule* module) {
    if (info->codeSize < 20 || info->codeSize % 4 || info->pCode[0] != 0x07230203)
        fail("vkCreateShaderModule: no SPIR-V");
    return make(module);
}
void VKAPI_CALL DestroyShaderModule(VkDevice, VkShaderModule module, const VkAllocationCallbacks*) { destroy(module); }

// Constant 0 of every shader of the library is its workgroup's size.
VkResult VKAPI_CALL CreateComputePipelines(VkDevice, VkPipelineCache, uint32_t count,
                                           const VkComputePipelineCreateInfo* infos, const VkAllocationCallbacks*,
                                           VkPipeline* pipelines) {
    for (uint32_t i = 0; i < count; ++i) {
        requireObject("vkCreateComputePipelines: module", infos[i].stage.module);
        requireObject("vkCreateComputePipelines: layout", infos[i].layout);
        const VkSpecializationInfo* constants = infos[i].stage.pSpecializationInfo;
        if (constants && constants->mapEntryCount) {
            const uint32_t lanes = *static_cast<const uint32_t*>(constants->pData);
            if (lanes == 0 || lanes > state.device.invocations)
                fail("vkCreateComputePipelines: a workgroup of %u", lanes);
        }
        make(&pipelines[i]);
    }
    return VK_SUCCESS;
}
void VKAPI_CALL DestroyPipeline(VkDevice, VkPipeline pipeline, const VkAllocationCallbacks*) { destroy(pipeline); }

VkResult VKAPI_CALL CreatePipelineLayout(VkDevice, const VkPipelineLayoutCreateInfo* info, const VkAllocationCallbacks*,
                                         VkPipelineLayout* layout) {
    for (uint32_t i = 0; i < info->setLayoutCount; ++i)
        requireObject("vkCreatePipelineLayout", info->pSetLayouts[i]);
    return make(layout);
}
void VKAPI_CALL DestroyPipelineLayout(VkDevice, VkPipelineLayout layout, const VkAllocationCallbacks*) {
    destroy(layout);
}

VkResult VKAPI_CALL CreateDescriptorSetLayout(VkDevice, const VkDescriptorSetLayoutCreateInfo* info,
                                              const VkAllocationCallbacks*, VkDescriptorSetLayout* layout) {
    const auto buffers =
        std::count_if(info->pBindings, info->pBindings + info->bindingCount, [](const VkDescriptorSetLayoutBinding& b) {
            return b.descriptorType == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
        });
    if (buffers > static_cast<int64_t>(state.device.storageBuffers))
        fail("vkCreateDescriptorSetLayout: %lld storage buffers", static_cast<long long>(buffers));
    return make(layout);
}
void VKAPI_CALL DestroyDescriptorSetLayout(VkDevice, VkDescriptorSetLayout layout, const VkAllocationCallbacks*) {
    destroy(layout);
}

VkResult VKAPI_CALL CreateDescriptorPool(VkDevice, const VkDescriptorPoolCreateInfo* info, const VkAllocationCallbacks*,
                                         VkDescriptorPool* pool) {
    if (info->maxSets == 0)
        fail("vkCreateDescriptorPool: no sets");
    for (uint32_t i = 0; i < info->poolSizeCount; ++i)
        if (info->pPoolSizes[i].descriptorCount == 0)
            fail("vkCreateDescriptorPool: no descriptors of type %d", info->pPoolSizes[i].type);
    return make(pool);
}
void VKAPI_CALL DestroyDescriptorPool(VkDevice, VkDescriptorPool pool, const VkAllocationCallbacks*) { destroy(pool); }

VkResult VKAPI_CALL AllocateDescriptorSets(VkDevice, const VkDescriptorSetAllocateInfo* info, VkDescriptorSet* sets) {
    requireObject("vkAllocateDescriptorSets", info->descriptorPool);
    for (uint32_t i = 0; i < info->descriptorSetCount; ++i) {
        requireObject("vkAllocateDescriptorSets: layout", info->pSetLayouts[i]);
        sets[i] = (VkDescriptorSet)++state.lastHandle; // freed with the pool
    }
    return VK_SUCCESS;
}
void VKAPI_CALL UpdateDescriptorSets(VkDevice, uint32_t count, const VkWriteDescriptorSet* writes, uint32_t,
                                     const VkCopyDescriptorSet*) {
    requireWrites(count, writes);
}

void VKAPI_CALL CmdBindPipeline(VkCommandBuffer, VkPipelineBindPoint, VkPipeline pipeline) {
    requireObject("vkCmdBindPipeline", pipeline);
    state.pipelineIsBound = true;
}
void VKAPI_CALL CmdBindDescriptorSets(VkCommandBuffer, VkPipelineBindPoint, VkPipelineLayout layout, uint32_t, uint32_t,
                                      const VkDescriptorSet*, uint32_t, const uint32_t*) {
    requireObject("vkCmdBindDescriptorSets", layout);
}
void VKAPI_CALL CmdPushDescriptorSetKHR(VkCommandBuffer, VkPipelineBindPoint, VkPipelineLayout layout, uint32_t,
                                        uint32_t count, const VkWriteDescriptorSet* writes) {
    requireObject("vkCmdPushDescriptorSetKHR", layout);
    requireWrites(count, writes);
}
void VKAPI_CALL CmdPushConstants(VkCommandBuffer, VkPipelineLayout layout, VkShaderStageFlags, uint32_t offset,
                                 uint32_t size, const void*) {
    requireObject("vkCmdPushConstants", layout);
    if (size == 0 || size % 4 || offset % 4 || offset + size > 128)
        fail("vkCmdPushConstants: bytes %u + %u", offset, size);
}
void VKAPI_CALL CmdDispatch(VkCommandBuffer, uint32_t x, uint32_t y, uint32_t z) {
    const uint32_t(&most)[3] = state.device.groupCount;
    if (!state.pipelineIsBound || !x || !y || !z || x > most[0] || y > most[1] || z > most[2])
        fail("vkCmdDispatch: %u x %u x %u", x, y, z);
    ++state.dispatches;
}
void VKAPI_CALL CmdDispatchIndirect(VkCommandBuffer, VkBuffer buffer, VkDeviceSize offset) {
    requireRange("vkCmdDispatchIndirect", buffer, offset, 12);
    if (offset % 4)
        fail("vkCmdDispatchIndirect: offset %llu", static_cast<ull>(offset));
    ++state.dispatches;
}
void VKAPI_CALL CmdPipelineBarrier(VkCommandBuffer, VkPipelineStageFlags before, VkPipelineStageFlags after,
                                   VkDependencyFlags, uint32_t, const VkMemoryBarrier*, uint32_t,
                                   const VkBufferMemoryBarrier*, uint32_t, const VkImageMemoryBarrier*) {
    if (!before || !after)
        fail("vkCmdPipelineBarrier: no stages");
}
void VKAPI_CALL CmdCopyBuffer(VkCommandBuffer, VkBuffer from, VkBuffer to, uint32_t count,
                              const VkBufferCopy* regions) {
    for (uint32_t i = 0; i < count; ++i) {
        requireRange("vkCmdCopyBuffer: source", from, regions[i].srcOffset, regions[i].size);
        requireRange("vkCmdCopyBuffer: target", to, regions[i].dstOffset, regions[i].size);
    }
}
void VKAPI_CALL CmdUpdateBuffer(VkCommandBuffer, VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, const void*) {
    requireRange("vkCmdUpdateBuffer", buffer, offset, size);
    if (offset % 4 || size % 4 || size > 65536)
        fail("vkCmdUpdateBuffer: bytes %llu + %llu", static_cast<ull>(offset), static_cast<ull>(size));
}
void VKAPI_CALL CmdWriteTimestamp(VkCommandBuffer, VkPipelineStageFlagBits, VkQueryPool, uint32_t) {}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetDeviceProcAddr(VkDevice, const char* name) {
#define SAC_ANSWER(function)                                                                                           \
    if (std::strcmp(name, "vk" #function) == 0)                                                                        \
        return reinterpret_cast<PFN_vkVoidFunction>(static_cast<PFN_vk##function>(stub::function));
    SAC_DEVICE_FUNCTIONS(SAC_ANSWER)
    if (state.device.pushDescriptors) {
        SAC_ANSWER(CmdPushDescriptorSetKHR)
    }
    return nullptr;
}

} // namespace stub

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL stubInstanceProcAddr(VkInstance, const char* name) {
    using namespace stub;
    SAC_INSTANCE_FUNCTIONS(SAC_ANSWER)
#undef SAC_ANSWER
    return nullptr;
}

void startStub(const StubDevice& device) {
    endStub();
    state = {};
    state.device = device;
}

void endStub() {
    if (!state.objects.empty())
        fail("%zu Vulkan objects were never destroyed", state.objects.size());
}

VkBuffer stubBuffer(VkDeviceSize size) {
    state.memory[++state.lastHandle] = size;
    return (VkBuffer)state.lastHandle;
}

VkImageView stubView() {
    state.views.insert(++state.lastHandle);
    return (VkImageView)state.lastHandle;
}

uint64_t stubDispatches() { return state.dispatches; }

} // namespace saccade::fuzz
