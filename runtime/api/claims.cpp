// SPDX-License-Identifier: Apache-2.0
#include "api/claims.hpp"

#include <algorithm>
#include <cstdio>

namespace saccade {
namespace {

bool mayBeIn(VkImageLayout layout, bool written) {
    switch (layout) {
    case VK_IMAGE_LAYOUT_GENERAL:
        return true;
    case VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL:
    case VK_IMAGE_LAYOUT_DEPTH_STENCIL_READ_ONLY_OPTIMAL:
    case VK_IMAGE_LAYOUT_DEPTH_READ_ONLY_OPTIMAL:
        return !written;
    default:
        return false;
    }
}

} // namespace

void Claims::buffer(const char* name, const SacBufferRange& range, VkDeviceSize bytes, VkDeviceSize alignment,
                    bool written) {
    if (bytes == 0)
        return;
    if (!range.buffer)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.buffer is null, the plan needs %llu bytes", name, wide(bytes));
    if (range.size == VK_WHOLE_SIZE || range.size < bytes)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.size is %llu, the plan needs %llu bytes", name, wide(range.size),
                    wide(bytes));
    if (range.offset > ~VkDeviceSize{0} - range.size)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.offset is %llu, with its size %llu it passes 2^64", name,
                    wide(range.offset), wide(range.size));
    if (range.offset % alignment)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.offset is %llu, it must be a multiple of %llu", name,
                    wide(range.offset), wide(alignment));
    for (const Buffer& other : buffers_) {
        const bool apart = range.buffer != other.range->buffer || range.offset >= other.range->offset + other.bytes ||
                           other.range->offset >= range.offset + bytes;
        if (!apart && (written || other.written))
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "%s overlaps %s: both use bytes from %llu of one buffer, and one of them is written", name,
                        other.name, wide(std::max(range.offset, other.range->offset)));
    }
    buffers_.push_back({name, &range, bytes, written});
}

void Claims::memory(SacMemoryKind kind, const char* name, const SacBufferRange& range, bool written) {
    const SacMemoryRequirements& memory = plan_.memory[kind];
    buffer(name, range, memory.size, memory.alignment, written);
}

void Claims::image(const PlanTensor& tensor, uint32_t index, const SacImageBinding& image) {
    const char* name = tensor.name.c_str();
    if (image.sType != SAC_STRUCTURE_TYPE_IMAGE_BINDING || image.pNext) {
        char array[SAC_MAX_MESSAGE_LENGTH];
        std::snprintf(array, sizeof(array), "%.*s.images", clip(name), name);
        requireElement(image, array, index);
    }
    if (!image.view)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.images[%u].view is null, it is required", name, index);
    if (!mayBeIn(image.layout, tensor.output))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.images[%u].layout is VkImageLayout %d, it is GENERAL%s", name,
                    index, static_cast<int>(image.layout),
                    tensor.output ? " for outputs"
                                  : ", SHADER_READ_ONLY_OPTIMAL, DEPTH_STENCIL_READ_ONLY_OPTIMAL or "
                                    "DEPTH_READ_ONLY_OPTIMAL for inputs");
    for (const Image& other : images_)
        if (other.view == image.view && (tensor.output || other.written))
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "%s.images[%u].view is an image of %s as well, and one of them is written", name, index,
                        other.name);
    images_.push_back({name, image.view, tensor.output});
}

} // namespace saccade
