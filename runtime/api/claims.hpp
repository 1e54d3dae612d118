// SPDX-License-Identifier: Apache-2.0
// Validates what one recording call binds: missing, misaligned or overlapping memory is refused. Nothing is allocated.
#pragma once

#include <saccade/saccade.h>

#include "api/objects.hpp"
#include "base/fixed_vector.hpp"

namespace saccade {

class Claims {
public:
    explicit Claims(const SacPlan_T& plan) : plan_(plan) {}

    /// Throws SAC_ERROR_INVALID_ARGUMENT unless the range has `bytes` bytes at a multiple of `alignment` that no other
    /// claim uses where one of the two writes. `name` lives as long as the claims.
    void buffer(const char* name, const SacBufferRange& range, VkDeviceSize bytes, VkDeviceSize alignment,
                bool written);
    /// The range that the plan needs of one of its memories.
    void memory(SacMemoryKind kind, const char* name, const SacBufferRange& range, bool written);
    /// Image `index` of a tensor: a view, in a layout that it may be in, that is not read and written.
    void image(const PlanTensor& tensor, uint32_t index, const SacImageBinding& image);

private:
    struct Buffer {
        const char* name;
        const SacBufferRange* range;
        VkDeviceSize bytes;
        bool written;
    };
    struct Image {
        const char* name;
        VkImageView view;
        bool written;
    };

    const SacPlan_T& plan_;
    FixedVector<Buffer, SAC_MAX_BOUND + SAC_MEMORY_KIND_COUNT + 2> buffers_; ///< bound, memories, `enable`, `reset`
    FixedVector<Image, SAC_MAX_BOUND> images_;
};

/// Where the bytes of a range begin.
inline BufferBase base(const SacBufferRange& range) { return {range.buffer, range.offset}; }

/// What SacUploadInfo and SacRunInfo both bind.
template <class Info>
Buffers memoryOf(const Info& info) {
    Buffers out;
    out.of(MemoryKind::weights) = base(info.weights);
    out.of(MemoryKind::tables) = base(info.tables);
    out.of(MemoryKind::workspace) = base(info.workspace);
    out.of(MemoryKind::parameters) = base(info.parameters);
    return out;
}

} // namespace saccade
