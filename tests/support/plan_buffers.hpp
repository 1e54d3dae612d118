// SPDX-License-Identifier: Apache-2.0
// Buffers of a plan on the test device: from named tensors to named results in a few lines.
#pragma once

#include <saccade/saccade.hpp>

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/buffer.hpp"
#include "host/device.hpp"
#include "reference/tensor.hpp"
#include "support/gpu.hpp"

namespace saccade::test {

/// A tensor's values as the bytes of a buffer, rounded to `type`; padded to a multiple of 4 bytes.
std::vector<std::byte> encode(const reference::Tensor& tensor, SacDataType type);
/// The reverse. DEFAULT is FLOAT32.
reference::Tensor decode(const std::byte* bytes, SacDataType type, const reference::Shape& shape);

/// Mapped buffers for everything a plan needs, the staging one with the weights. Weights, workspace and so on may be
/// replaced by shared ones before use.
class PlanBuffers {
public:
    /// `more`: usages beyond those that the plan needs.
    PlanBuffers(const host::Device& device, const Plan& plan, VkBufferUsageFlags more = 0);

    /// Takes the place of the plan's own buffer; at least as large, and alive as long.
    void share(SacMemoryKind kind, const SacBufferRange& range) { ranges_[kind] = range; }
    const SacBufferRange& range(SacMemoryKind kind) const { return ranges_[kind]; }
    std::span<std::byte> mapped(SacMemoryKind kind) { return kinds_[kind].mapped(); }

    SacUploadInfo uploadInfo() const { return sac::uploadInfo(ranges_); }
    /// Points into this object.
    SacRunInfo runInfo() const;

    void write(const std::string& name, const reference::Tensor& tensor);
    reference::Tensor read(const std::string& name) const;
    /// The bytes of a tensor's buffer, for comparisons bit by bit.
    std::vector<std::byte> bytes(const std::string& name) const;
    std::span<std::byte> mapped(const std::string& name) { return tensor(name).buffer.mapped(); }

    /// Of every tensor that is bound, in the order of the plan.
    std::vector<SacTensorBinding> bindings;
    SacTensorBinding& binding(const std::string& name);
    /// Of the tensor that is bound.
    std::string name(const SacTensorBinding& binding) const;
    SacTimestampRange timestamps{};
    SacBufferRange enable{}; ///< of conditional plans, which have no buffer for it here
    SacBufferRange reset{};  ///< likewise
    SacRunFlags runFlags = 0;

private:
    struct Bound {
        uint32_t index; ///< of the tensor
        SacTensorInfo info;
        host::Buffer buffer;
    };
    Bound& tensor(const std::string& name);
    const Bound& tensor(const std::string& name) const { return const_cast<PlanBuffers*>(this)->tensor(name); }

    host::Buffer kinds_[SAC_MEMORY_KIND_COUNT];
    sac::MemoryRanges ranges_{};
    std::deque<Bound> tensors_;
};

/// Records upload and run, each followed by a full barrier; fails the running test where the library refuses.
void recordUpload(const Plan& plan, VkCommandBuffer commandBuffer, const PlanBuffers& buffers);
void recordRun(const Plan& plan, VkCommandBuffer commandBuffer, const PlanBuffers& buffers, uint32_t batch = 0);

} // namespace saccade::test
