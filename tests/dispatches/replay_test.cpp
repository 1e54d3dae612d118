// SPDX-License-Identifier: Apache-2.0
// A plan's dispatches, recorded from the list by somebody else, give what sacCmdRun gives, bit by bit: for every golden
// file and network, with buffers that are bound whole, and without what the list calls unused.
#include "dispatches/replay.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>

#include "host/errors.hpp"
#include "host/submitter.hpp"
#include "support/golden.hpp"
#include "support/network.hpp"
#include "support/plan_buffers.hpp"

namespace saccade::test {

namespace {

constexpr SacCommand commands[] = {SAC_COMMAND_UPLOAD, SAC_COMMAND_RUN};

} // namespace

Replay::Replay(const host::Device& device, const Plan& plan)
    : device_(device), plan_(plan), tensors_(plan.tensors()),
      unused_(device, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, host::BufferMemory::upload) {
    for (const SacCommand command : commands)
        for (const SacDispatch& dispatch : plan.dispatches(command))
            lists_[command].push_back({dispatch, VK_NULL_HANDLE});
    std::ranges::fill(unused_.mapped(), std::byte{0xff});
    makeBuffers();
    makePipelines();
    makeSets();
}

Replay::~Replay() {
    vkDestroyDescriptorPool(device_.handle(), pool_, nullptr);
    for (const Pipeline& pipeline : pipelines_) {
        vkDestroyPipeline(device_.handle(), pipeline.handle, nullptr);
        vkDestroyPipelineLayout(device_.handle(), pipeline.layout, nullptr);
        vkDestroyDescriptorSetLayout(device_.handle(), pipeline.set, nullptr);
    }
}

void Replay::makeBuffers() {
    std::map<Place, VkDeviceSize> sizes;
    for (const auto& [command, list] : lists_)
        for (const Recorded& recorded : list)
            for (uint32_t i = 0; i < recorded.dispatch.bindingCount; ++i) {
                const SacDispatchBinding& binding = recorded.dispatch.bindings[i];
                VkDeviceSize& size = sizes[{{binding.type, binding.index}, binding.offset}];
                size = std::max(size, binding.size);
            }
    const Place* last = nullptr;
    for (const auto& [place, size] : sizes) {
        const auto& [resource, offset] = place;
        if (last && last->first == resource) {
            EXPECT_GE(offset, last->second + sizes[*last]) << "buffers that are bound whole share bytes";
        }
        last = &place;
        host::Buffer& buffer = buffers_[place] =
            host::Buffer(device_, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
                         host::BufferMemory::readback);
        // Nobody may count on the workspace's contents; a state begins with zeros.
        const bool isWorkspace = resource == std::pair(SAC_RESOURCE_TYPE_MEMORY, uint32_t{SAC_MEMORY_WORKSPACE});
        std::ranges::fill(buffer.mapped(), isWorkspace ? std::byte{0xff} : std::byte{0});
        SacError error{};
        if (resource == std::pair(SAC_RESOURCE_TYPE_MEMORY, uint32_t{SAC_MEMORY_WEIGHTS}))
            sac::check(sacWriteWeights(plan_, offset, size, buffer.mapped().data(), &error), error);
        if (resource == std::pair(SAC_RESOURCE_TYPE_MEMORY, uint32_t{SAC_MEMORY_PARAMETERS}))
            sac::check(sacWriteParameters(plan_, offset, size, buffer.mapped().data(), &error), error);
    }
}

void Replay::makePipelines() {
    const std::vector<SacShader> shaders = plan_.shaders();
    pipelines_.resize(shaders.size());
    for (const auto& [command, list] : lists_)
        for (const Recorded& recorded : list) {
            const SacDispatch& dispatch = recorded.dispatch;
            Pipeline& pipeline = pipelines_[dispatch.shader];
            if (pipeline.handle)
                continue;
            std::vector<VkDescriptorSetLayoutBinding> bindings;
            for (uint32_t i = 0; i < dispatch.bindingCount; ++i)
                bindings.push_back({i, dispatch.bindings[i].descriptorType, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
            VkDescriptorSetLayoutCreateInfo setInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
            setInfo.bindingCount = static_cast<uint32_t>(bindings.size());
            setInfo.pBindings = bindings.data();
            host::checkVulkan(vkCreateDescriptorSetLayout(device_.handle(), &setInfo, nullptr, &pipeline.set),
                              "vkCreateDescriptorSetLayout");
            VkPipelineLayoutCreateInfo layoutInfo{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
            layoutInfo.setLayoutCount = 1;
            layoutInfo.pSetLayouts = &pipeline.set;
            host::checkVulkan(vkCreatePipelineLayout(device_.handle(), &layoutInfo, nullptr, &pipeline.layout),
                              "vkCreatePipelineLayout");
            const std::vector<uint32_t> code = plan_.shaderCode(dispatch.shader);
            EXPECT_EQ(code.size() * sizeof(uint32_t), shaders[dispatch.shader].codeSize);
            VkShaderModuleCreateInfo moduleInfo{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
            moduleInfo.codeSize = code.size() * sizeof(uint32_t);
            moduleInfo.pCode = code.data();
            VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
            info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
            info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
            info.stage.pName = shaders[dispatch.shader].entryPoint;
            info.layout = pipeline.layout;
            host::checkVulkan(vkCreateShaderModule(device_.handle(), &moduleInfo, nullptr, &info.stage.module),
                              "vkCreateShaderModule");
            const VkResult result = vkCreateComputePipelines(device_.handle(), device_.pipelineCache(), 1, &info,
                                                             nullptr, &pipeline.handle);
            vkDestroyShaderModule(device_.handle(), info.stage.module, nullptr);
            host::checkVulkan(result, "vkCreateComputePipelines");
        }
}

void Replay::makeSets() {
    std::map<VkDescriptorType, uint32_t> counts;
    uint32_t setCount = 0;
    for (const auto& [command, list] : lists_)
        for (const Recorded& recorded : list) {
            ++setCount;
            for (uint32_t i = 0; i < recorded.dispatch.bindingCount; ++i)
                ++counts[recorded.dispatch.bindings[i].descriptorType];
        }
    std::vector<VkDescriptorPoolSize> sizes;
    for (const auto& [type, count] : counts)
        sizes.push_back({type, count});
    VkDescriptorPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    poolInfo.maxSets = setCount;
    poolInfo.poolSizeCount = static_cast<uint32_t>(sizes.size());
    poolInfo.pPoolSizes = sizes.data();
    host::checkVulkan(vkCreateDescriptorPool(device_.handle(), &poolInfo, nullptr, &pool_), "vkCreateDescriptorPool");
    for (auto& [command, list] : lists_)
        for (Recorded& recorded : list) {
            const SacDispatch& dispatch = recorded.dispatch;
            VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
            info.descriptorPool = pool_;
            info.descriptorSetCount = 1;
            info.pSetLayouts = &pipelines_[dispatch.shader].set;
            host::checkVulkan(vkAllocateDescriptorSets(device_.handle(), &info, &recorded.set),
                              "vkAllocateDescriptorSets");
            for (uint32_t i = 0; i < dispatch.bindingCount; ++i) {
                const SacDispatchBinding& binding = dispatch.bindings[i];
                const host::Buffer& buffer = binding.access ? bufferOf(binding) : unused_;
                const VkDescriptorBufferInfo bufferInfo{buffer.handle(), 0, VK_WHOLE_SIZE};
                VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
                write.dstSet = recorded.set;
                write.dstBinding = i;
                write.descriptorCount = 1;
                write.descriptorType = binding.descriptorType;
                write.pBufferInfo = &bufferInfo;
                vkUpdateDescriptorSets(device_.handle(), 1, &write, 0, nullptr);
            }
        }
}

const host::Buffer& Replay::bufferOf(const SacDispatchBinding& binding) const {
    return buffers_.at({{binding.type, binding.index}, binding.offset});
}

VkDeviceSize Replay::workspaceBytes() const {
    VkDeviceSize bytes = 0;
    for (const auto& [place, buffer] : buffers_)
        if (place.first == std::pair(SAC_RESOURCE_TYPE_MEMORY, uint32_t{SAC_MEMORY_WORKSPACE}))
            bytes += buffer.size();
    return bytes;
}

uint32_t Replay::tensor(const std::string& name) const {
    const auto found = std::ranges::find_if(tensors_, [&](const SacTensorInfo& tensor) { return tensor.name == name; });
    return static_cast<uint32_t>(found - tensors_.begin());
}

void Replay::write(const std::string& name, const reference::Tensor& values) {
    const uint32_t index = tensor(name);
    const auto buffer = buffers_.find({{SAC_RESOURCE_TYPE_TENSOR, index}, 0});
    if (buffer == buffers_.end()) // of an input that no dispatch reads
        return;
    const std::vector<std::byte> bytes = encode(values, tensors_[index].dataType);
    ASSERT_LE(bytes.size(), buffer->second.size());
    std::ranges::copy(bytes, buffer->second.mapped().begin());
}

std::vector<std::byte> Replay::bytes(const std::string& name) const {
    const auto mapped = buffers_.at({{SAC_RESOURCE_TYPE_TENSOR, tensor(name)}, 0}).mapped();
    return {mapped.begin(), mapped.end()};
}

void Replay::record(VkCommandBuffer commandBuffer, SacCommand command, uint32_t batch) const {
    const auto list = lists_.find(command);
    if (list == lists_.end())
        return;
    for (const auto& [dispatch, set] : list->second) {
        if (dispatch.barrier) {
            VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
            barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
            barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
            vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                 VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0, nullptr);
        }
        const Pipeline& pipeline = pipelines_[dispatch.shader];
        vkCmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
        vkCmdBindDescriptorSets(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0, nullptr);
        const uint32_t z = batch && dispatch.groupsPerEntry ? batch * dispatch.groupsPerEntry : dispatch.groups[2];
        vkCmdDispatch(commandBuffer, dispatch.groups[0], dispatch.groups[1], z);
    }
    host::fullBarrier(commandBuffer);
}

namespace {

struct Totals {
    size_t files = 0, workspace = 0, whole = 0;
    std::vector<std::string> refused; ///< the messages
};

class Dispatches : public GpuTest {
protected:
    using Describe = std::function<void(sac::PlanBuilder&)>;

    // Runs twice from a new state, so that a state comes into play, in both ways.
    void expectEqualResults(const std::vector<std::byte>& bytes, const Describe& describe,
                            const reference::Tensors& inputs) {
        std::optional<Model> model;
        Plan ordinary, whole;
        try {
            model.emplace(context, bytes);
            ordinary = planOf(*model, describe, 0);
            whole = planOf(*model, describe, SAC_PLAN_WHOLE_BUFFERS_BIT);
        } catch (const sac::Exception& refused) {
            totals.refused.push_back(refused.what());
            return;
        }
        Replay replay(device(), whole);
        PlanBuffers buffers(device(), ordinary);
        std::ranges::fill(buffers.mapped(SAC_MEMORY_STATE), std::byte{0});
        for (const SacTensorInfo& info : ordinary.tensors())
            if (info.flags == SAC_TENSOR_INPUT_BIT) {
                buffers.write(info.name, reference::get(inputs, info.name));
                replay.write(info.name, reference::get(inputs, info.name));
            }
        submit([&](VkCommandBuffer commandBuffer) {
            recordUpload(ordinary, commandBuffer, buffers);
            replay.record(commandBuffer, SAC_COMMAND_UPLOAD);
            for (int run = 0; run < 2; ++run) {
                recordRun(ordinary, commandBuffer, buffers);
                replay.record(commandBuffer, SAC_COMMAND_RUN);
            }
        });
        for (const SacTensorInfo& info : ordinary.tensors())
            if (info.flags & SAC_TENSOR_OUTPUT_BIT) {
                const std::vector<std::byte> expected = buffers.bytes(info.name), result = replay.bytes(info.name);
                ASSERT_EQ(result.size(), expected.size()) << info.name;
                EXPECT_EQ(std::memcmp(result.data(), expected.data(), expected.size()), 0) << info.name;
            }
        ++totals.files;
        totals.workspace += ordinary.memory(SAC_MEMORY_WORKSPACE).size;
        totals.whole += replay.workspaceBytes();
    }

    static Plan planOf(const Model& model, const Describe& describe, SacPlanFlags flags) {
        sac::PlanBuilder description;
        describe(description);
        description.info.flags = flags;
        return Plan(model, description);
    }

    void expectEqualResultsOfFiles(const std::string& folder) {
        for (const auto& file : std::filesystem::directory_iterator(SACCADE_TEST_DATA "/" + folder)) {
            if (file.path().extension() != ".safetensors")
                continue;
            SCOPED_TRACE(file.path().filename());
            const GoldenCase golden(file.path());
            const auto args = golden.file.metadata.find("args");
            expectEqualResults(
                golden.bytes,
                [&](sac::PlanBuilder& description) {
                    golden.describe(description);
                    if (args != golden.file.metadata.end())
                        description.info.options = args->second.c_str();
                },
                golden.inputs);
        }
    }

    // As many files as that, and together not much more workspace.
    void expectTotals(size_t files, const std::vector<std::string>& refused = {}) {
        EXPECT_EQ(totals.files, files);
        EXPECT_EQ(totals.refused, refused);
        EXPECT_LE(static_cast<double>(totals.whole), 1.3 * static_cast<double>(totals.workspace));
    }

    Context context{device()};
    Totals totals;
};

TEST_F(Dispatches, ofGoldenFilesGiveTheSameBits) {
    expectEqualResultsOfFiles("golden");
    expectTotals(95);
}
TEST_F(Dispatches, ofOnnxCasesGiveTheSameBits) {
    expectEqualResultsOfFiles("onnx");
    expectTotals(90);
}
TEST_F(Dispatches, ofOtherCasesGiveTheSameBits) {
    for (const char* folder : {"cases", "sparse", "inside", "logits"})
        expectEqualResultsOfFiles(folder);
    expectTotals(74, {"input \"x\": shape[3] is 300, at most 256 with config \"pattern\": \"rows\", whose features are "
                      "columns"}); // docs/limits.md
}
TEST_F(Dispatches, ofNetworksGiveTheSameBits) {
    for (const auto& file : std::filesystem::directory_iterator(SACCADE_TEST_DATA "/networks")) {
        if (file.path().extension() != ".safetensors")
            continue;
        SCOPED_TRACE(file.path().filename());
        const NetworkFile network(file.path());
        expectEqualResults(
            network.bytes,
            [&](sac::PlanBuilder& description) {
                describeNetwork(description, network.config, network.runs[0].inputs);
            },
            network.runs[0].inputs);
    }
    expectTotals(11);
}

} // namespace
} // namespace saccade::test
