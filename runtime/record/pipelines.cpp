// SPDX-License-Identifier: Apache-2.0
#include "record/pipelines.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "spirv/freeze.hpp"

namespace saccade {

PipelineLibrary::PipelineLibrary(const Device& device)
    : device_(device), pipelines_(device.memory), layouts_(device.memory) {}

PipelineLibrary::~PipelineLibrary() {
    for (Pipeline* pipeline : pipelines_) {
        if (pipeline->handle)
            device_.vk.DestroyPipeline(device_.handle, pipeline->handle, device_.allocator);
        destroy(device_.memory, pipeline);
    }
    // A context whose creation failed early has no functions yet, nor layouts.
    for (const BindingLayout& layout : layouts_) {
        if (layout.pipeline)
            device_.vk.DestroyPipelineLayout(device_.handle, layout.pipeline, device_.allocator);
        if (layout.set)
            device_.vk.DestroyDescriptorSetLayout(device_.handle, layout.set, device_.allocator);
    }
}

BindingLayout PipelineLibrary::layoutLocked(const BindingKinds& kinds) {
    auto found =
        std::find_if(layouts_.begin(), layouts_.end(), [&](const BindingLayout& l) { return l.kinds == kinds; });
    if (found == layouts_.end())
        found = layouts_.insert(found, {kinds});
    BindingLayout& layout = *found;
    // A handle is undefined after a failure: only what a call has made is kept.
    if (!layout.set) {
        VkDescriptorSetLayoutBinding bindings[maxBindings]{};
        for (uint32_t i = 0; i < kinds.size(); ++i)
            bindings[i] = {i, descriptorType(kinds[i]), 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
        VkDescriptorSetLayoutCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
        if (device_.profile.pushDescriptors)
            info.flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR;
        info.bindingCount = static_cast<uint32_t>(kinds.size());
        info.pBindings = bindings;
        VkDescriptorSetLayout set = VK_NULL_HANDLE;
        check(device_.vk.CreateDescriptorSetLayout(device_.handle, &info, device_.allocator, &set),
              "vkCreateDescriptorSetLayout");
        layout.set = set;
    }
    if (!layout.pipeline) {
        const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, pushConstantBytes};
        VkPipelineLayoutCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
        info.setLayoutCount = 1;
        info.pSetLayouts = &layout.set;
        info.pushConstantRangeCount = 1;
        info.pPushConstantRanges = &range;
        VkPipelineLayout pipeline = VK_NULL_HANDLE;
        check(device_.vk.CreatePipelineLayout(device_.handle, &info, device_.allocator, &pipeline),
              "vkCreatePipelineLayout");
        layout.pipeline = pipeline;
    }
    return layout;
}

const Pipeline* PipelineLibrary::acquire(const PipelineKey& key) {
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto found =
            std::find_if(pipelines_.begin(), pipelines_.end(), [&](const Pipeline* p) { return p->key == key; });
        if (found == pipelines_.end())
            break;
        if ((*found)->ready) {
            ++(*found)->users;
            return *found;
        }
        // Another thread compiles it. It may fail and forget it, so look again after waking.
        compiled_.wait(lock);
    }

    const BindingLayout layout = layoutLocked(key.kinds);
    pipelines_.reserve(pipelines_.size() + 1);
    Pipeline* pipeline = create<Pipeline>(device_.memory);
    pipeline->key = key;
    pipeline->layout = layout;
    pipeline->users = 1;
    pipelines_.push_back(pipeline);

    lock.unlock();
    try {
        const VkPipeline handle = compile(*pipeline);
        lock.lock();
        pipeline->handle = handle;
        pipeline->ready = true;
    } catch (...) {
        lock.lock();
        forget(pipeline);
        compiled_.notify_all();
        throw;
    }
    compiled_.notify_all();
    return pipeline;
}

const Pipeline* PipelineLibrary::acquireReady(const PipelineKey& key) {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(pipelines_.begin(), pipelines_.end(),
                                    [&](const Pipeline* p) { return p->ready && p->key == key; });
    if (found == pipelines_.end())
        return nullptr;
    ++(*found)->users;
    return *found;
}

void PipelineLibrary::release(const Pipeline* pipeline) {
    std::lock_guard lock(mutex_);
    const auto found = std::find(pipelines_.begin(), pipelines_.end(), pipeline);
    if (--(*found)->users == 0)
        forget(*found);
}

void PipelineLibrary::forget(Pipeline* pipeline) {
    pipelines_.erase(std::find(pipelines_.begin(), pipelines_.end(), pipeline));
    if (pipeline->handle)
        device_.vk.DestroyPipeline(device_.handle, pipeline->handle, device_.allocator);
    destroy(device_.memory, pipeline);
}

VkPipeline PipelineLibrary::compile(const Pipeline& pipeline) const {
    const ShaderCode& code = shaderCode(pipeline.key.shader);
    const auto& constants = pipeline.key.constants;
    std::span<const uint32_t> words(code.words, code.bytes / sizeof(uint32_t));
    std::pmr::vector<uint32_t> frozen(device_.memory);
    // SwiftShader does not unroll a loop up to a specialization constant, and what such a loop indexes stays in memory.
    // With literals a matrix product runs ten times as fast there, attention four times.
    const bool freezes = device_.profile.isSwiftShader();
    if (freezes)
        words = frozen = spirv::freeze(words, {constants.data(), constants.size()}, device_.memory);
    VkShaderModuleCreateInfo moduleInfo{};
    moduleInfo.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    moduleInfo.codeSize = words.size_bytes();
    moduleInfo.pCode = words.data();
    VkShaderModule module = VK_NULL_HANDLE;
    check(device_.vk.CreateShaderModule(device_.handle, &moduleInfo, device_.allocator, &module),
          "vkCreateShaderModule");
    device_.setName(VK_OBJECT_TYPE_SHADER_MODULE, (uint64_t)module, code.name);

    VkSpecializationMapEntry entries[maxConstants];
    for (uint32_t i = 0; i < constants.size(); ++i)
        entries[i] = {i, i * 4, 4};
    const VkSpecializationInfo specialization{static_cast<uint32_t>(constants.size()), entries, constants.size() * 4,
                                              constants.data()};
    VkComputePipelineCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = module;
    info.stage.pName = shaderEntryPoint;
    info.stage.pSpecializationInfo = freezes ? nullptr : &specialization;
    info.layout = pipeline.layout.pipeline;
    VkPipeline handle = VK_NULL_HANDLE;
    const VkResult result =
        device_.vk.CreateComputePipelines(device_.handle, device_.pipelineCache, 1, &info, device_.allocator, &handle);
    device_.vk.DestroyShaderModule(device_.handle, module, device_.allocator);
    check(result, "vkCreateComputePipelines");

    char name[96];
    std::snprintf(name, sizeof(name), "saccade %s", code.name);
    device_.setName(VK_OBJECT_TYPE_PIPELINE, (uint64_t)handle, name);
    return handle;
}

} // namespace saccade
