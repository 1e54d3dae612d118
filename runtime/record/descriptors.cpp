// SPDX-License-Identifier: Apache-2.0
#include "record/descriptors.hpp"

namespace saccade {

DescriptorRing::~DescriptorRing() {
    if (pool_)
        device_.vk.DestroyDescriptorPool(device_.handle, pool_, device_.allocator);
}

void DescriptorRing::allocate(std::span<const Pipeline* const> dispatches, uint32_t slots) {
    if (device_.profile.pushDescriptors || dispatches.empty())
        return;
    dispatchCount_ = static_cast<uint32_t>(dispatches.size());
    std::array<uint32_t, bindingKindCount> counts{};
    for (const Pipeline* pipeline : dispatches)
        for (const BindingKind kind : pipeline->key.kinds)
            counts[static_cast<size_t>(kind)] += slots;
    FixedVector<VkDescriptorPoolSize, bindingKindCount> sizes;
    for (uint32_t kind = 0; kind < bindingKindCount; ++kind)
        if (counts[kind])
            sizes.push_back({descriptorType(static_cast<BindingKind>(kind)), counts[kind]});
    VkDescriptorPoolCreateInfo poolInfo{};
    poolInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
    poolInfo.maxSets = dispatchCount_ * slots;
    poolInfo.poolSizeCount = static_cast<uint32_t>(sizes.size());
    poolInfo.pPoolSizes = sizes.data();
    VkDescriptorPool pool = VK_NULL_HANDLE; // undefined after a failure, so not yet the ring's
    check(device_.vk.CreateDescriptorPool(device_.handle, &poolInfo, device_.allocator, &pool),
          "vkCreateDescriptorPool");
    pool_ = pool;

    std::pmr::vector<VkDescriptorSetLayout> layouts(device_.memory);
    layouts.reserve(dispatchCount_ * slots);
    for (uint32_t slot = 0; slot < slots; ++slot)
        for (const Pipeline* pipeline : dispatches)
            layouts.push_back(pipeline->layout.set);
    sets_.resize(layouts.size());
    VkDescriptorSetAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
    info.descriptorPool = pool_;
    info.descriptorSetCount = static_cast<uint32_t>(layouts.size());
    info.pSetLayouts = layouts.data();
    check(device_.vk.AllocateDescriptorSets(device_.handle, &info, sets_.data()), "vkAllocateDescriptorSets");
    slots_ = slots;
}

void DescriptorRing::bind(VkCommandBuffer commandBuffer, uint32_t slot, uint32_t dispatch, const Pipeline& pipeline,
                          std::span<const Resource> resources) const {
    VkWriteDescriptorSet writes[maxBindings];
    for (uint32_t i = 0; i < resources.size(); ++i) {
        writes[i] = {};
        writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
        writes[i].dstBinding = i;
        writes[i].descriptorCount = 1;
        writes[i].descriptorType = descriptorType(pipeline.key.kinds[i]);
        writes[i].pBufferInfo = &resources[i].buffer;
        writes[i].pImageInfo = &resources[i].image;
    }
    const uint32_t count = static_cast<uint32_t>(resources.size());
    if (device_.profile.pushDescriptors) {
        device_.vk.CmdPushDescriptorSetKHR(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout.pipeline, 0,
                                           count, writes);
        return;
    }
    const VkDescriptorSet set = sets_[slot * dispatchCount_ + dispatch];
    for (uint32_t i = 0; i < count; ++i)
        writes[i].dstSet = set;
    device_.vk.UpdateDescriptorSets(device_.handle, count, writes, 0, nullptr);
    device_.vk.CmdBindDescriptorSets(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout.pipeline, 0, 1,
                                     &set, 0, nullptr);
}

} // namespace saccade
