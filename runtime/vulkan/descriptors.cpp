#include "vulkan/descriptors.hpp"

namespace saccade {

DescriptorRing::~DescriptorRing() { device_.vk.DestroyDescriptorPool(device_.handle, pool_, device_.allocator); }

void DescriptorRing::allocate(std::span<const Pipeline* const> dispatches, uint32_t slots) {
    if (device_.capabilities.pushDescriptors || dispatches.empty())
        return;
    dispatchCount_ = static_cast<uint32_t>(dispatches.size());
    uint32_t bindings = 0;
    for (const Pipeline* pipeline : dispatches)
        bindings += pipeline->bindingCount;

    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, bindings * slots};
    VkDescriptorPoolCreateInfo poolInfo{};
    poolInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
    poolInfo.maxSets = dispatchCount_ * slots;
    poolInfo.poolSizeCount = 1;
    poolInfo.pPoolSizes = &size;
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
                          std::span<const VkDescriptorBufferInfo> buffers) const {
    VkWriteDescriptorSet writes[maxBindings];
    for (uint32_t i = 0; i < buffers.size(); ++i) {
        writes[i] = {};
        writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
        writes[i].dstBinding = i;
        writes[i].descriptorCount = 1;
        writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
        writes[i].pBufferInfo = &buffers[i];
    }
    const uint32_t count = static_cast<uint32_t>(buffers.size());
    if (device_.capabilities.pushDescriptors) {
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
