// SPDX-License-Identifier: Apache-2.0
// Records a plan's dispatches from the list that it answers, as a renderer does that binds buffers whole.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/buffer.hpp"
#include "reference/tensor.hpp"
#include "support/gpu.hpp"

namespace saccade::test {

/// Of plans whose tensors are buffers. Every offset in one of the plan's memories has a VkBuffer of its own; what the
/// list calls unused is bound to one that holds NaN, and no buffer may change that the list does not call written.
class Replay {
public:
    Replay(const host::Device& device, const Plan& plan);
    ~Replay();
    Replay(const Replay&) = delete;
    Replay& operator=(const Replay&) = delete;

    void write(const std::string& name, const reference::Tensor& values);
    std::vector<std::byte> bytes(const std::string& name) const;

    /// Of the workspace: of all its buffers together.
    VkDeviceSize workspaceBytes() const;

    /// With a full barrier after it. `batch` as in SacRunInfo.
    void record(VkCommandBuffer commandBuffer, SacCommand command, uint32_t batch = 0) const;

private:
    struct Recorded {
        SacDispatch dispatch;
        VkDescriptorSet set;
    };
    /// A resource's type and index, and its offset.
    using Place = std::pair<std::pair<SacResourceType, uint32_t>, VkDeviceSize>;

    void makeBuffers();
    void makePipelines();
    void makeSets();
    const host::Buffer& bufferOf(const SacDispatchBinding& binding) const;
    uint32_t tensor(const std::string& name) const;

    const host::Device& device_;
    const Plan& plan_;
    std::vector<SacTensorInfo> tensors_;
    std::map<SacCommand, std::vector<Recorded>> lists_;
    std::map<Place, host::Buffer> buffers_;
    host::Buffer unused_;
    struct Pipeline {
        VkDescriptorSetLayout set = VK_NULL_HANDLE;
        VkPipelineLayout layout = VK_NULL_HANDLE;
        VkPipeline handle = VK_NULL_HANDLE;
    };
    std::vector<Pipeline> pipelines_; ///< of each shader
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
};

} // namespace saccade::test
