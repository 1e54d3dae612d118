// SPDX-License-Identifier: Apache-2.0
// No shader reads or writes outside of what is bound to it, whatever the inputs say.
//
// Validation layers compare an access with the whole VkBuffer, so that they miss one that stays inside it. Here each
// plan runs with the descriptors that the library writes, and again with descriptors that reach to the end of their
// buffers, which go on behind the bound range with poison of two kinds. Results that differ in a bit come from outside;
// so does poison that is gone. An access whose value is not used is not seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/golden.hpp"

namespace saccade::test {
namespace {

// The driver, but for descriptors of buffers, which reach as far as is asked for.
enum class Reach { asWritten, toTheEnd, half };
Reach reach = Reach::asWritten;
PFN_vkCmdPushDescriptorSetKHR pushDescriptorSet = nullptr;

struct Writes {
    Writes(uint32_t count, const VkWriteDescriptorSet* given) : writes(given, given + count), buffers(count) {
        for (uint32_t i = 0; i < count && reach != Reach::asWritten; ++i) {
            if (writes[i].descriptorType != VK_DESCRIPTOR_TYPE_STORAGE_BUFFER)
                continue;
            buffers[i] = *writes[i].pBufferInfo;
            buffers[i].range = reach == Reach::toTheEnd ? VK_WHOLE_SIZE : (buffers[i].range + 7) / 8 * 4;
            writes[i].pBufferInfo = &buffers[i];
        }
    }
    std::vector<VkWriteDescriptorSet> writes;
    std::vector<VkDescriptorBufferInfo> buffers;
};

void VKAPI_CALL push(VkCommandBuffer commandBuffer, VkPipelineBindPoint point, VkPipelineLayout layout, uint32_t set,
                     uint32_t count, const VkWriteDescriptorSet* writes) {
    pushDescriptorSet(commandBuffer, point, layout, set, count, Writes(count, writes).writes.data());
}

void VKAPI_CALL update(VkDevice device, uint32_t count, const VkWriteDescriptorSet* writes, uint32_t copies,
                       const VkCopyDescriptorSet* copied) {
    vkUpdateDescriptorSets(device, count, Writes(count, writes).writes.data(), copies, copied);
}

PFN_vkVoidFunction VKAPI_CALL deviceProcAddr(VkDevice device, const char* name) {
    const PFN_vkVoidFunction function = vkGetDeviceProcAddr(device, name);
    if (std::strcmp(name, "vkCmdPushDescriptorSetKHR") == 0 && function) {
        pushDescriptorSet = reinterpret_cast<PFN_vkCmdPushDescriptorSetKHR>(function);
        return reinterpret_cast<PFN_vkVoidFunction>(push);
    }
    if (std::strcmp(name, "vkUpdateDescriptorSets") == 0)
        return reinterpret_cast<PFN_vkVoidFunction>(update);
    return function;
}

PFN_vkVoidFunction VKAPI_CALL instanceProcAddr(VkInstance instance, const char* name) {
    if (std::strcmp(name, "vkGetDeviceProcAddr") == 0)
        return reinterpret_cast<PFN_vkVoidFunction>(deviceProcAddr);
    return vkGetInstanceProcAddr(instance, name);
}

// A range at the beginning of a buffer that goes on behind it.
struct Ranged {
    static constexpr VkDeviceSize slack = 65536;

    Ranged(const host::Device& device, VkDeviceSize size, VkBufferUsageFlags usage)
        : buffer(device, size ? size + slack : 0, usage | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                 host::BufferMemory::readback),
          size(size) {}

    SacBufferRange range() const { return size ? SacBufferRange{buffer.handle(), 0, size} : SacBufferRange{}; }
    std::span<std::byte> inside() const { return buffer.mapped().first(size); }
    std::span<std::byte> behind() const { return buffer.mapped().subspan(size); }

    host::Buffer buffer;
    VkDeviceSize size;
};

void fill(std::span<std::byte> bytes, uint32_t word) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(word >> i % 4 * 8);
}

bool holds(std::span<const std::byte> bytes, uint32_t word) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] != static_cast<std::byte>(word >> i % 4 * 8))
            return false;
    return true;
}

// Inputs that no module expects: integers at the ends of their range, truth values that are neither 0 nor 1, floats
// that are no numbers or far away.
reference::Tensors hostile(const GoldenCase& golden) {
    constexpr double integers[] = {-2147483648.0, -1, 0, 1, 7, 1048576, 2147483647};
    constexpr double floats[] = {NAN, INFINITY, -INFINITY, 1e38, -1e38, 3e9, -3e9, 0.5};
    std::mt19937 random(1);
    reference::Tensors inputs = golden.inputs;
    for (auto& [name, tensor] : inputs) {
        const std::string& type = golden.file.dtypes.at("in." + name);
        for (double& value : tensor.data) {
            if (type == "I32" || type == "I64")
                value = integers[random() % std::size(integers)];
            else if (type == "BOOL" || type == "U8")
                value = static_cast<double>(random() % 2);
            else if (random() % 4 == 0)
                value = floats[random() % std::size(floats)];
        }
    }
    return inputs;
}

class Bounds : public GpuTest, public ::testing::WithParamInterface<std::string> {
protected:
    using Results = std::map<std::string, std::vector<std::byte>>;

    // Uploads and runs once with `poison` behind every range.
    Results run(SacPlan plan, const std::vector<SacTensorInfo>& tensors, const reference::Tensors& inputs, Reach wanted,
                uint32_t poison) {
        std::deque<Ranged> all;
        Ranged* kinds[SAC_MEMORY_KIND_COUNT];
        for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
            SacMemoryRequirements needed = sac::make<SacMemoryRequirements>();
            EXPECT_EQ(sacGetPlanMemory(plan, static_cast<SacMemoryKind>(kind), &needed, nullptr), SAC_SUCCESS);
            kinds[kind] = &all.emplace_back(device(), needed.size, needed.usage);
        }
        std::map<std::string, Ranged*> bound;
        std::vector<SacTensorBinding> bindings;
        for (uint32_t i = 0; i < tensors.size(); ++i) {
            if (tensors[i].flags & SAC_TENSOR_HOST_BIT)
                continue;
            bound[tensors[i].name] = &all.emplace_back(device(), tensors[i].size, 0);
            SacTensorBinding& binding = bindings.emplace_back(sac::make<SacTensorBinding>());
            binding.tensor = i;
            binding.buffer = bound[tensors[i].name]->range();
        }
        for (const Ranged& one : all) {
            fill(one.inside(), 0x3c3c3c3c);
            fill(one.behind(), poison);
        }
        for (const SacTensorInfo& tensor : tensors)
            if (tensor.flags == SAC_TENSOR_INPUT_BIT) {
                const std::vector<std::byte> bytes = encode(inputs.at(tensor.name), tensor.dataType);
                std::copy(bytes.begin(), bytes.end(), bound[tensor.name]->inside().begin());
            }

        SacUploadInfo upload{};
        upload.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO;
        upload.weights = kinds[SAC_MEMORY_WEIGHTS]->range();
        upload.tables = kinds[SAC_MEMORY_TABLES]->range();
        upload.workspace = kinds[SAC_MEMORY_WORKSPACE]->range();
        upload.parameters = kinds[SAC_MEMORY_PARAMETERS]->range();
        upload.staging = kinds[SAC_MEMORY_STAGING]->range();
        const std::span<std::byte> weights = kinds[SAC_MEMORY_STAGING]->inside();
        EXPECT_EQ(sacWriteWeights(plan, 0, weights.size(), weights.data(), nullptr), SAC_SUCCESS);
        SacRunInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_RUN_INFO;
        info.weights = upload.weights;
        info.tables = upload.tables;
        info.workspace = upload.workspace;
        info.parameters = upload.parameters;
        info.state = kinds[SAC_MEMORY_STATE]->range();
        info.bindingCount = static_cast<uint32_t>(bindings.size());
        info.bindings = bindings.data();
        expectNoValidationMessages();
        reach = wanted;
        submit([&](VkCommandBuffer commandBuffer) {
            SacError error{};
            EXPECT_EQ(sacCmdUpload(plan, commandBuffer, &upload, &error), SAC_SUCCESS) << error.message;
            host::fullBarrier(commandBuffer);
            EXPECT_EQ(sacCmdRun(plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
            host::fullBarrier(commandBuffer);
        });
        reach = Reach::asWritten;
        // Descriptors that reach to the end overlap, which looks like a missing barrier.
        if (wanted != Reach::asWritten)
            Gpu::get().instance().takeMessages();

        Results results;
        const auto keep = [&](const std::string& name, const Ranged& one) {
            results[name].assign(one.inside().begin(), one.inside().end());
        };
        for (const SacTensorInfo& tensor : tensors)
            if (tensor.flags & SAC_TENSOR_OUTPUT_BIT)
                keep(tensor.name, *bound[tensor.name]);
        keep("tables", *kinds[SAC_MEMORY_TABLES]);
        keep("state", *kinds[SAC_MEMORY_STATE]);
        for (const Ranged& one : all)
            EXPECT_TRUE(holds(one.behind(), poison)) << "something was written behind a range of " << one.size;
        return results;
    }

    void compare(const Plan& plan, const reference::Tensors& inputs) {
        const std::vector<SacTensorInfo> tensors = plan.tensors();
        const Results exact = run(plan, tensors, inputs, Reach::asWritten, notANumber);
        for (const uint32_t poison : {notANumber, one})
            for (const auto& [name, bytes] : run(plan, tensors, inputs, Reach::toTheEnd, poison))
                EXPECT_TRUE(bytes == exact.at(name)) << name << " depends on what lies behind a range";
    }

    static constexpr uint32_t notANumber = 0x7fc07fc0, one = 0x3f803f80; // as floats and as halves
};

TEST_P(Bounds, areKept) {
    const GoldenCase golden(GetParam());
    SacContextInfo contextInfo = host::contextInfo(device());
    contextInfo.getInstanceProcAddr = instanceProcAddr;
    SacContext context = nullptr;
    SacError error{};
    ASSERT_EQ(sacCreateContext(&contextInfo, &context, &error), SAC_SUCCESS) << error.message;
    {
        const Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        const Plan plan(model, description);
        compare(plan, golden.inputs);
        compare(plan, hostile(golden));
        // The method itself: with half the bytes shaders do reach outside, and that is seen.
        const std::vector<SacTensorInfo> tensors = plan.tensors();
        const bool reads = std::any_of(tensors.begin(), tensors.end(), [](const SacTensorInfo& tensor) {
            return tensor.flags == SAC_TENSOR_INPUT_BIT;
        });
        if (reads) {
            EXPECT_NE(run(plan, tensors, golden.inputs, Reach::half, one),
                      run(plan, tensors, golden.inputs, Reach::asWritten, one));
        }
    }
    sacDestroyContext(context);
}

// The smallest files of each module, since an access depends on sizes and not on numbers.
std::vector<std::string> smallestFiles() {
    constexpr std::size_t filesPerModule = 3;
    std::map<std::string, std::multimap<uintmax_t, std::string>> modules;
    for (const char* folder : {"golden", "onnx", "inside", "sparse"}) {
        const std::filesystem::path path = std::string(SACCADE_TEST_DATA "/") + folder;
        if (!std::filesystem::exists(path))
            continue;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            const SafetensorsFile file = readSafetensors(entry.path().string());
            const auto isHalf = [](const auto& tensor) { return tensor.second == "F16"; };
            if (std::none_of(file.dtypes.begin(), file.dtypes.end(), isHalf))
                modules[file.metadata.at("module")].emplace(entry.file_size(), entry.path().string());
        }
    }
    std::vector<std::string> files;
    for (const auto& [module, sizes] : modules) {
        std::size_t left = filesPerModule;
        for (auto file = sizes.begin(); file != sizes.end() && left; ++file, --left)
            files.push_back(file->second);
    }
    return files;
}

std::string testName(const ::testing::TestParamInfo<std::string>& info) {
    std::string name = std::filesystem::path(info.param).stem().string();
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Modules, Bounds, ::testing::ValuesIn(smallestFiles()), testName);

} // namespace
} // namespace saccade::test
