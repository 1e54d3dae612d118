// SPDX-License-Identifier: Apache-2.0
#include "support/failing_calls.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace saccade::test {

namespace {

FailingCalls* theCalls = nullptr;

// What a failed call leaves in its output: whoever uses it, or takes it for an object to destroy, is found out.
constexpr uint64_t noObject = 0xdead;

// Handles are pointers or, where pointers have 32 bits, numbers.
template <class Handle>
uint64_t number(Handle handle) {
    uint64_t bits = 0;
    std::memcpy(&bits, &handle, sizeof(handle));
    return bits;
}

template <class Handle, class Call>
VkResult create(const char* function, Handle* handle, Call call) {
    VkResult result = FailingCalls::current().beforeCall(function);
    if (result != VK_SUCCESS) {
        std::memcpy(handle, &noObject, sizeof(*handle));
        return result;
    }
    result = call();
    if (result == VK_SUCCESS)
        FailingCalls::current().created(function, number(*handle));
    return result;
}

#define SACCADE_OBJECTS(X) X(Buffer) X(ShaderModule) X(PipelineLayout) X(DescriptorSetLayout) X(DescriptorPool)

#define SACCADE_WRAP(Object)                                                                                           \
    VkResult VKAPI_CALL create##Object(VkDevice device, const Vk##Object##CreateInfo* info,                            \
                                       const VkAllocationCallbacks* allocator, Vk##Object* object) {                   \
        return create("vkCreate" #Object, object, [&] { return vkCreate##Object(device, info, allocator, object); });  \
    }                                                                                                                  \
    void VKAPI_CALL destroy##Object(VkDevice device, Vk##Object object, const VkAllocationCallbacks* allocator) {      \
        if (FailingCalls::current().destroyed("vkCreate" #Object, number(object)))                                     \
            vkDestroy##Object(device, object, allocator);                                                              \
    }
SACCADE_OBJECTS(SACCADE_WRAP)
#undef SACCADE_WRAP

// Of failed pipelines and descriptor sets Vulkan says that they are null handles.
VkResult VKAPI_CALL createComputePipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                           const VkComputePipelineCreateInfo* infos,
                                           const VkAllocationCallbacks* allocator, VkPipeline* pipelines) {
    VkResult result = FailingCalls::current().beforeCall("vkCreateComputePipelines");
    if (result == VK_SUCCESS)
        result = vkCreateComputePipelines(device, cache, count, infos, allocator, pipelines);
    else
        std::memset(pipelines, 0, count * sizeof(*pipelines));
    for (uint32_t i = 0; i < count; ++i)
        if (pipelines[i])
            FailingCalls::current().created("vkCreateComputePipelines", number(pipelines[i]));
    return result;
}

void VKAPI_CALL destroyPipeline(VkDevice device, VkPipeline pipeline, const VkAllocationCallbacks* allocator) {
    if (FailingCalls::current().destroyed("vkCreateComputePipelines", number(pipeline)))
        vkDestroyPipeline(device, pipeline, allocator);
}

// Sets go with their pool and are not counted.
VkResult VKAPI_CALL allocateDescriptorSets(VkDevice device, const VkDescriptorSetAllocateInfo* info,
                                           VkDescriptorSet* sets) {
    const VkResult result = FailingCalls::current().beforeCall("vkAllocateDescriptorSets");
    if (result == VK_SUCCESS)
        return vkAllocateDescriptorSets(device, info, sets);
    std::memset(sets, 0, info->descriptorSetCount * sizeof(*sets));
    return result;
}

VkResult VKAPI_CALL enumerateExtensions(VkPhysicalDevice device, const char* layer, uint32_t* count,
                                        VkExtensionProperties* extensions) {
    const VkResult result = FailingCalls::current().beforeCall("vkEnumerateDeviceExtensionProperties");
    return result != VK_SUCCESS ? result : vkEnumerateDeviceExtensionProperties(device, layer, count, extensions);
}

PFN_vkVoidFunction VKAPI_CALL getDeviceProcAddr(VkDevice device, const char* name);

PFN_vkVoidFunction wrapped(const char* name) {
#define SACCADE_FIND(function, wrapper)                                                                                \
    if (!std::strcmp(name, function))                                                                                  \
        return reinterpret_cast<PFN_vkVoidFunction>(wrapper);
#define SACCADE_FIND_BOTH(Object)                                                                                      \
    SACCADE_FIND("vkCreate" #Object, create##Object) SACCADE_FIND("vkDestroy" #Object, destroy##Object)
    SACCADE_OBJECTS(SACCADE_FIND_BOTH)
    SACCADE_FIND("vkCreateComputePipelines", createComputePipelines)
    SACCADE_FIND("vkDestroyPipeline", destroyPipeline)
    SACCADE_FIND("vkAllocateDescriptorSets", allocateDescriptorSets)
    SACCADE_FIND("vkEnumerateDeviceExtensionProperties", enumerateExtensions)
    SACCADE_FIND("vkGetDeviceProcAddr", getDeviceProcAddr)
#undef SACCADE_FIND_BOTH
#undef SACCADE_FIND
    return nullptr;
}

PFN_vkVoidFunction VKAPI_CALL getDeviceProcAddr(VkDevice device, const char* name) {
    const PFN_vkVoidFunction function = wrapped(name);
    return function ? function : vkGetDeviceProcAddr(device, name);
}

} // namespace

FailingCalls::FailingCalls() { theCalls = this; }

FailingCalls::~FailingCalls() {
    for (const auto& [function, objects] : live_)
        EXPECT_TRUE(objects.empty()) << objects.size() << " objects of " << function << " are left";
    theCalls = nullptr;
}

FailingCalls& FailingCalls::current() { return *theCalls; }

PFN_vkVoidFunction VKAPI_CALL FailingCalls::getInstanceProcAddr(VkInstance instance, const char* name) {
    const PFN_vkVoidFunction function = wrapped(name);
    return function ? function : vkGetInstanceProcAddr(instance, name);
}

void FailingCalls::choose(uint64_t first, uint64_t last, VkResult result, const char* counted) {
    const std::lock_guard lock(mutex_);
    count_ = 0;
    first_ = first;
    last_ = last;
    result_ = result;
    counted_ = counted;
    failed_.clear();
}

VkResult FailingCalls::beforeCall(const char* function) {
    const std::lock_guard lock(mutex_);
    ++calls_[function];
    if (!counted_.empty() && counted_ != function)
        return VK_SUCCESS;
    const uint64_t n = count_++;
    if (n < first_ || n > last_)
        return VK_SUCCESS;
    failed_ = function;
    return result_;
}

void FailingCalls::created(const char* function, uint64_t object) {
    const std::lock_guard lock(mutex_);
    live_[function].insert(object);
}

bool FailingCalls::destroyed(const char* function, uint64_t object) {
    const std::lock_guard lock(mutex_);
    std::multiset<uint64_t>& objects = live_[function];
    const auto found = objects.find(object);
    const bool known = found != objects.end();
    if (known)
        objects.erase(found);
    EXPECT_TRUE(known || !object) << "what is destroyed is not of " << function;
    return known;
}

std::string FailingCalls::failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
}

std::size_t FailingCalls::calls(const std::string& function) const {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(function);
    return found == calls_.end() ? 0 : found->second;
}

std::map<std::string, std::size_t> FailingCalls::live() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::size_t> counts;
    for (const auto& [function, objects] : live_)
        if (!objects.empty())
            counts[function] = objects.size();
    return counts;
}

} // namespace saccade::test
