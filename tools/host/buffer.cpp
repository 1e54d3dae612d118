// SPDX-License-Identifier: Apache-2.0
#include "host/buffer.hpp"

#include <utility>

#include "host/errors.hpp"

namespace saccade::host {

Buffer::Buffer(const Device& device, VkDeviceSize size, VkBufferUsageFlags usage, BufferMemory memory)
    : device_(device.handle()), size_(size) {
    if (size == 0)
        return;
    try {
        VkBufferCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
        info.size = size;
        info.usage = usage;
        checkVulkan(vkCreateBuffer(device_, &info, nullptr, &handle_), "vkCreateBuffer");

        VkMemoryRequirements requirements{};
        vkGetBufferMemoryRequirements(device_, handle_, &requirements);
        const VkMemoryPropertyFlags hostFlags =
            VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        const bool isDevice = memory == BufferMemory::device;
        VkMemoryAllocateInfo allocation{};
        allocation.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
        allocation.allocationSize = requirements.size;
        allocation.memoryTypeIndex =
            device.memoryType(requirements.memoryTypeBits, isDevice ? 0 : hostFlags,
                              isDevice                           ? VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
                              : memory == BufferMemory::readback ? VK_MEMORY_PROPERTY_HOST_CACHED_BIT
                                                                 : 0);
        checkVulkan(vkAllocateMemory(device_, &allocation, nullptr, &memory_), "vkAllocateMemory");
        checkVulkan(vkBindBufferMemory(device_, handle_, memory_, 0), "vkBindBufferMemory");
        if (!isDevice) {
            void* address = nullptr;
            checkVulkan(vkMapMemory(device_, memory_, 0, VK_WHOLE_SIZE, 0, &address), "vkMapMemory");
            mapped_ = static_cast<std::byte*>(address);
        }
    } catch (...) {
        release();
        throw;
    }
}

Buffer::~Buffer() { release(); }

Buffer::Buffer(Buffer&& other) noexcept
    : device_(other.device_), handle_(std::exchange(other.handle_, VK_NULL_HANDLE)),
      memory_(std::exchange(other.memory_, VK_NULL_HANDLE)), size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, nullptr)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    if (this != &other) {
        release();
        device_ = other.device_;
        handle_ = std::exchange(other.handle_, VK_NULL_HANDLE);
        memory_ = std::exchange(other.memory_, VK_NULL_HANDLE);
        size_ = std::exchange(other.size_, 0);
        mapped_ = std::exchange(other.mapped_, nullptr);
    }
    return *this;
}

void Buffer::release() noexcept {
    if (!device_)
        return;
    vkDestroyBuffer(device_, handle_, nullptr);
    vkFreeMemory(device_, memory_, nullptr); // unmaps
}

} // namespace saccade::host
