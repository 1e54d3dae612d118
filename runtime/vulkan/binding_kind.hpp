// What a binding of a compute shader may be, and what stands behind it when a dispatch is recorded.
#pragma once

#include <cstdint>

#include <vulkan/vulkan_core.h>

namespace saccade {

/// Sampled images are read without a sampler (texelFetch).
enum class BindingKind : uint8_t { storageBuffer, sampledImage, storageImage };
constexpr uint32_t bindingKindCount = 3;

constexpr VkDescriptorType descriptorType(BindingKind kind) {
    switch (kind) {
    case BindingKind::sampledImage:
        return VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
    case BindingKind::storageImage:
        return VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
    default:
        return VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    }
}

/// What one binding refers to; its kind says which member counts.
struct Resource {
    VkDescriptorBufferInfo buffer{};
    VkDescriptorImageInfo image{};
};

} // namespace saccade
