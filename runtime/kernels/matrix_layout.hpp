// Where element (batch, token, channel) of an activation lies in its tensor.
#pragma once

#include <cstdint>

namespace saccade {

/// In elements. A stride or batch stride of 0 means densely packed.
struct MatrixLayout {
    bool channelMajor = false; ///< false: tokens (b, m, channel); true: PyTorch's NCHW (b, channel, m)
    uint32_t offset = 0;       ///< elements before (b, m, channel) = (0, 0, 0)
    uint32_t stride = 0;       ///< elements from one token to the next; channel-major: from one channel to the next
    uint32_t batchStride = 0;  ///< elements from one batch entry to the next

    /// With the strides that were left to mean densely packed filled in.
    MatrixLayout resolved(uint32_t tokens, uint32_t channels) const {
        MatrixLayout out = *this;
        if (!out.stride)
            out.stride = channelMajor ? tokens : channels;
        if (!out.batchStride)
            out.batchStride = out.stride * (channelMajor ? channels : tokens);
        return out;
    }
};

} // namespace saccade
