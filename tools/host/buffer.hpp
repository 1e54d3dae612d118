// SPDX-License-Identifier: Apache-2.0
// A VkBuffer with memory of its own.
#pragma once

#include <saccade/saccade.h>
#include <vulkan/vulkan.h>

#include <cstddef>
#include <span>

#include "host/device.hpp"

namespace saccade::host {

enum class BufferMemory {
    device,  ///< device-local, not mapped
    upload,  ///< written by the host: mapped, coherent
    readback ///< read by the host: mapped, coherent, cached where there is such memory
};

class Buffer {
public:
    /// No buffer: size 0, a null handle, an empty range.
    Buffer() = default;
    /// `size` 0 makes no buffer either. Throws DeviceError.
    Buffer(const Device& device, VkDeviceSize size, VkBufferUsageFlags usage, BufferMemory memory);
    ~Buffer();
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;

    VkBuffer handle() const { return handle_; }
    VkDeviceSize size() const { return size_; }
    /// The whole buffer, as the library takes it.
    SacBufferRange range() const { return {handle_, 0, size_}; }
    /// The mapped bytes; empty for device memory.
    std::span<std::byte> mapped() const { return {mapped_, mapped_ ? static_cast<std::size_t>(size_) : 0}; }

private:
    void release() noexcept;

    VkDevice device_ = VK_NULL_HANDLE;
    VkBuffer handle_ = VK_NULL_HANDLE;
    VkDeviceMemory memory_ = VK_NULL_HANDLE;
    VkDeviceSize size_ = 0;
    std::byte* mapped_ = nullptr;
};

} // namespace saccade::host
