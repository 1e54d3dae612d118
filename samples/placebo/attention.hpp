// SPDX-License-Identifier: Apache-2.0
// Saccade on libplacebo's device and images, in a command buffer of its own.
#pragma once

#include <deque>

#include "player.hpp"

namespace placebo {

// Pixels per side of a token of the model: with four channels, 64 of the tensor.
constexpr int cell = 4;

// The model's channels are centred at 0. The fourth, distance in samples/frame, is the same everywhere here.
constexpr const char* centre = R"(
//!HOOK OUTPUT
//!BIND HOOKED
vec4 hook() { return vec4(HOOKED_tex(HOOKED_pos).rgb - 0.5, 0.5); }
)";
constexpr const char* uncentre = R"(
//!HOOK MAIN
//!BIND HOOKED
vec4 hook() { return vec4(HOOKED_tex(HOOKED_pos).rgb + 0.5, 1.0); }
)";

inline void check(VkResult result, const char* call) { succeed(result == VK_SUCCESS, call); }

/// A texture on which libplacebo and Saccade take turns. A timeline semaphore counts them: odd values end libplacebo's,
/// even ones Saccade's. Waiting for it is all the synchronization there is; layouts are libplacebo's work.
class SharedImage {
public:
    /// `layout`: during Saccade's turns.
    SharedImage(const Player& player, int width, int height, VkImageLayout layout)
        : texture(player.createTexture("rgba16hf", width, height)), vulkan_(player.vulkan) {
        VkImageViewCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
        info.image = pl_vulkan_unwrap(vulkan_->gpu, texture.get(), &info.format, nullptr);
        info.viewType = VK_IMAGE_VIEW_TYPE_2D;
        info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
        check(vkCreateImageView(vulkan_->device, &info, nullptr, &binding_.view), "vkCreateImageView");
        binding_.layout = layout;
        const VkSemaphoreTypeCreateInfo timeline{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, nullptr,
                                                 VK_SEMAPHORE_TYPE_TIMELINE, 0};
        const VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &timeline, 0};
        check(vkCreateSemaphore(vulkan_->device, &semaphore, nullptr, &turn.sem), "vkCreateSemaphore");
    }
    ~SharedImage() {
        vkDestroyImageView(vulkan_->device, binding_.view, nullptr);
        texture.reset();
        pl_gpu_finish(vulkan_->gpu); // libplacebo may yet wait for the end of the last turn
        vkDestroySemaphore(vulkan_->device, turn.sem, nullptr);
    }

    void hold() {
        ++turn.value;
        succeed(holdImage(), "pl_vulkan_hold");
    }
    void release() const {
#if PL_MAJOR_VER < 5
        pl_vulkan_release(vulkan_->gpu, texture.get(), binding_.layout, turn);
#else
        const pl_vulkan_release_params params{texture.get(), binding_.layout, VK_QUEUE_FAMILY_IGNORED, turn};
        pl_vulkan_release_ex(vulkan_->gpu, &params);
#endif
    }
    /// As that tensor of a plan.
    SacTensorBinding bind(uint32_t tensor) const {
        SacTensorBinding binding = sac::make<SacTensorBinding>();
        binding.tensor = tensor;
        binding.imageCount = 1;
        binding.images = &binding_;
        return binding;
    }

    Texture texture;
    pl_vulkan_sem turn{};

private:
    bool holdImage() const {
#if PL_MAJOR_VER < 5
        return pl_vulkan_hold(vulkan_->gpu, texture.get(), binding_.layout, turn);
#else
        // libplacebo's images are shared by its queue families, so none is changed.
        const pl_vulkan_hold_params params{texture.get(), binding_.layout, nullptr, VK_QUEUE_FAMILY_IGNORED, turn};
        return pl_vulkan_hold_ex(vulkan_->gpu, &params);
#endif
    }

    pl_vulkan vulkan_;
    SacImageBinding binding_ = sac::make<SacImageBinding>();
};

/// Memory for everything, which is simple; weights and workspace belong into device-local memory.
class MappedBuffer {
public:
    MappedBuffer(pl_vulkan vulkan, VkDeviceSize size, VkBufferUsageFlags usage) : device_(vulkan->device) {
        if (size == 0)
            return;
        range.size = size;
        const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage};
        check(vkCreateBuffer(device_, &info, nullptr, &range.buffer), "vkCreateBuffer");
        VkMemoryRequirements needs;
        vkGetBufferMemoryRequirements(device_, range.buffer, &needs);
        VkPhysicalDeviceMemoryProperties memory;
        vkGetPhysicalDeviceMemoryProperties(vulkan->phys_device, &memory);
        const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        uint32_t type = 0; // Vulkan promises that there is one for every buffer
        while (!(needs.memoryTypeBits >> type & 1) || (memory.memoryTypes[type].propertyFlags & wanted) != wanted)
            ++type;
        const VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size, type};
        check(vkAllocateMemory(device_, &allocation, nullptr, &memory_), "vkAllocateMemory");
        check(vkBindBufferMemory(device_, range.buffer, memory_, 0), "vkBindBufferMemory");
        check(vkMapMemory(device_, memory_, 0, VK_WHOLE_SIZE, 0, &data), "vkMapMemory");
    }
    ~MappedBuffer() {
        vkDestroyBuffer(device_, range.buffer, nullptr);
        vkFreeMemory(device_, memory_, nullptr);
    }
    MappedBuffer(const MappedBuffer&) = delete;

    SacBufferRange range{};
    void* data = nullptr;

private:
    VkDevice device_;
    VkDeviceMemory memory_ = VK_NULL_HANDLE;
};

/// A checkpoint at one shape, with the memory it needs.
class Attention {
public:
    /// `model`: a safetensors file, which outlives the object. x and y are of `width` by `height` pixels.
    Attention(const Player& player, const std::vector<char>& model, int width, int height)
        : vulkan_(player.vulkan), family_(vulkan_->queue_compute.index) {
        SacContextInfo contextInfo = sac::make<SacContextInfo>();
        contextInfo.getInstanceProcAddr = vkGetInstanceProcAddr;
        contextInfo.instance = vulkan_->instance;
        contextInfo.physicalDevice = vulkan_->phys_device;
        contextInfo.device = vulkan_->device;
        contextInfo.enabledFeatures = player.attentionFeatures;
        context_ = sac::Context(contextInfo);
        model_ = sac::Model(context_, model);
        const std::vector<SacImageDesc> image = {sac::imageDesc(VK_FORMAT_R16G16B16A16_SFLOAT, 4, cell)};
        const uint32_t columns = uint32_t(width + cell - 1) / cell, rows = uint32_t(height + cell - 1) / cell;
        sac::PlanBuilder builder;
        builder.input("x", {1, 4 * cell * cell, rows, columns}, image).output("y", image);
        plan_ = sac::Plan(model_, builder);
        const auto needs = plan_.memory();
        for (size_t kind = 0; kind < needs.size(); ++kind)
            memory_[kind] = buffers_.emplace_back(vulkan_, needs[kind].size, needs[kind].usage).range;
        plan_.writeWeights(buffers_[SAC_MEMORY_STAGING].data);

        const VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr,
                                           VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT, family_};
        check(vkCreateCommandPool(vulkan_->device, &pool, nullptr, &pool_), "vkCreateCommandPool");
        const VkCommandBufferAllocateInfo allocation{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, pool_,
                                                     VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
        check(vkAllocateCommandBuffers(vulkan_->device, &allocation, &commandBuffer_), "vkAllocateCommandBuffers");
    }
    ~Attention() {
        vkDeviceWaitIdle(vulkan_->device);
        vkDestroyCommandPool(vulkan_->device, pool_, nullptr);
    }

    /// Takes x and y from libplacebo, submits a run and hands them back. The run before has ended.
    void run(SharedImage& x, SharedImage& y) {
        const VkSemaphore turns[] = {x.turn.sem, y.turn.sem};
        x.hold();
        y.hold();
        const uint64_t held[] = {x.turn.value, y.turn.value}, used[] = {++x.turn.value, ++y.turn.value};
        record({x.bind(0), y.bind(1)}); // input, then output

        const VkTimelineSemaphoreSubmitInfo values{
            VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO, nullptr, 2, held, 2, used};
        const VkPipelineStageFlags stages[] = {compute, compute};
        VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO, &values, 2, turns, stages, 1, &commandBuffer_, 2, turns};
        VkQueue queue;
        vkGetDeviceQueue(vulkan_->device, family_, 0, &queue);
        vulkan_->lock_queue(vulkan_, int(family_), 0); // libplacebo submits to it as well
        const VkResult result = vkQueueSubmit(queue, 1, &info, VK_NULL_HANDLE);
        vulkan_->unlock_queue(vulkan_, int(family_), 0);
        check(result, "vkQueueSubmit");
        x.release();
        y.release();
    }

private:
    void record(const std::vector<SacTensorBinding>& bindings) {
        const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, nullptr,
                                             VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT, nullptr};
        check(vkBeginCommandBuffer(commandBuffer_, &begin), "vkBeginCommandBuffer");
        if (!uploaded_) {
            plan_.cmdUpload(commandBuffer_, sac::uploadInfo(memory_));
            uploaded_ = true;
        }
        // After the upload, or after the run before, whose workspace this one has. The images' semaphores do the rest.
        const VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr,
                                      VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT,
                                      VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
        vkCmdPipelineBarrier(commandBuffer_, VK_PIPELINE_STAGE_TRANSFER_BIT | compute, compute, 0, 1, &barrier, 0,
                             nullptr, 0, nullptr);
        plan_.cmdRun(commandBuffer_, sac::runInfo(memory_), bindings);
        check(vkEndCommandBuffer(commandBuffer_), "vkEndCommandBuffer");
    }

    static constexpr VkPipelineStageFlags compute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    pl_vulkan vulkan_;
    uint32_t family_; ///< libplacebo's images may be used by all of its families at once
    sac::Context context_;
    sac::Model model_;
    sac::Plan plan_;
    std::deque<MappedBuffer> buffers_; ///< one of each SacMemoryKind
    sac::MemoryRanges memory_{};       ///< of the buffers
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commandBuffer_ = VK_NULL_HANDLE;
    bool uploaded_ = false;
};

} // namespace placebo
