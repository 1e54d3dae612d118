// SPDX-License-Identifier: Apache-2.0
// Runs what `saccade bake` wrote, without the library: the reference for who replays dispatches through another
// interface. docs/baked.md describes the folder.
//
//     replay FOLDER INPUTS OUTPUTS [RUNS]
//
// INPUTS and OUTPUTS are folders with a file NAME.bin for each tensor: its elements, row after row; of a tensor of
// images NAME.0.bin and so on, texels as Vulkan copies them. RUNS (1) follow one another in one command buffer.
#include <vulkan/vulkan.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <vector>

#include "files.hpp"
#include "vulkan_objects.hpp"

namespace replay {

// Everything that the dispatches bind.
struct Resources {
    Resources(const Device& device, const Json& baked, const std::string& folder) {
        for (const Json& entry : baked.at("buffers")) {
            buffers.push_back(std::make_unique<Buffer>(device, entry.at("size").get<VkDeviceSize>()));
            const std::string memory = entry.value("memory", "");
            if (memory == "weights" || memory == "parameters") {
                const Bytes bytes = readFile(folder + "/" + memory + ".bin");
                std::copy_n(bytes.begin() + entry.at("offset").get<long>(), buffers.back()->size,
                            static_cast<char*>(buffers.back()->data));
            } // others are zeros: a state begins with them
        }
        for (const Json& tensor : baked.at("tensors")) {
            std::vector<std::unique_ptr<Image>>& list = images.emplace_back();
            for (const Json& image : tensor.value("images", Json::array()))
                list.push_back(std::make_unique<Image>(device, tensor, image));
        }
        unused = std::make_unique<Buffer>(device, 16);
    }

    std::vector<std::unique_ptr<Buffer>> buffers;
    std::vector<std::vector<std::unique_ptr<Image>>> images; // of each tensor
    std::unique_ptr<Buffer> unused;                          // for bindings that no shader touches
};

// Host memory of a tensor's buffers or images, by the names of their files.
std::vector<std::pair<std::string, Span>> filesOf(const Json& baked, const Resources& resources, bool inputs) {
    std::vector<std::pair<std::string, Span>> files;
    for (size_t t = 0; t < baked.at("tensors").size(); ++t) {
        const Json& tensor = baked.at("tensors")[t];
        const std::string name = tensor.at("name");
        if (tensor.at("input").get<bool>() != inputs)
            continue;
        for (size_t i = 0; i < resources.images[t].size(); ++i)
            files.push_back({name + "." + std::to_string(i) + ".bin", resources.images[t][i]->texels()});
        for (size_t b = 0; b < resources.buffers.size(); ++b)
            if (baked.at("buffers")[b].value("tensor", ~size_t{0}) == t)
                files.push_back({name + ".bin", resources.buffers[b]->bytes()});
    }
    return files;
}

VkDescriptorType descriptorType(const Json& binding) {
    const std::string kind = binding.at("kind");
    return kind == "uniform_buffer"  ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
           : kind == "sampled_image" ? VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE
           : kind == "storage_image" ? VK_DESCRIPTOR_TYPE_STORAGE_IMAGE
                                     : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

// A pipeline for each shader, made for the bindings of the first dispatch that has it: all have the same kinds.
std::vector<std::unique_ptr<Pipeline>> makePipelines(const Device& device, const Json& baked,
                                                     const std::string& folder) {
    std::vector<std::unique_ptr<Pipeline>> pipelines(baked.at("shaders").size());
    for (const char* list : {"upload", "run"})
        for (const Json& dispatch : baked.at(list)) {
            const size_t shader = dispatch.at("shader");
            if (pipelines.at(shader))
                continue;
            std::vector<VkDescriptorType> types;
            for (const Json& binding : dispatch.at("bindings"))
                types.push_back(descriptorType(binding));
            const Json& entry = baked.at("shaders")[shader];
            pipelines[shader] =
                std::make_unique<Pipeline>(device, readFile(folder + "/" + entry.at("file").get<std::string>()),
                                           entry.at("entryPoint").get<std::string>(), types);
        }
    return pipelines;
}

void record(VkCommandBuffer commandBuffer, const Json& list, const Resources& resources,
            const std::vector<std::unique_ptr<Pipeline>>& pipelines) {
    for (const Json& dispatch : list) {
        const Pipeline& pipeline = *pipelines[dispatch.at("shader").get<size_t>()];
        if (dispatch.at("barrier").get<bool>())
            barrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
        const VkDescriptorSet set = pipeline.allocateSet();
        uint32_t number = 0;
        for (const Json& binding : dispatch.at("bindings")) {
            if (binding.contains("image"))
                pipeline.write(
                    set, number++,
                    *resources.images[binding.at("tensor").get<size_t>()][binding.at("image").get<size_t>()]);
            else if (binding.contains("buffer"))
                pipeline.write(set, number++, *resources.buffers[binding.at("buffer").get<size_t>()]);
            else
                pipeline.write(set, number++, *resources.unused);
        }
        pipeline.bind(commandBuffer, set);
        const auto groups = dispatch.at("groups").get<std::vector<uint32_t>>();
        vkCmdDispatch(commandBuffer, groups.at(0), groups.at(1), groups.at(2));
    }
}

int run(const std::string& folder, const std::string& inputs, const std::string& outputs, int runs) {
    const Json baked = Json::parse(readText(folder + "/dispatches.json"));
    if (baked.value("format", "") != "saccade dispatches" || baked.value("version", 0) != 1)
        throw std::runtime_error(folder + "/dispatches.json: not version 1 of \"saccade dispatches\"");
    const Device device;
    const Resources resources(device, baked, folder);
    for (const auto& [name, bytes] : filesOf(baked, resources, true)) {
        const Bytes file = readFile(inputs + "/" + name);
        if (file.size() > bytes.size() || bytes.size() - file.size() > 3)
            throw std::runtime_error(name + " has " + std::to_string(file.size()) + " bytes, the model takes " +
                                     std::to_string(bytes.size()));
        std::ranges::copy(file, bytes.begin());
    }
    const auto pipelines = makePipelines(device, baked, folder);
    device.submit([&](VkCommandBuffer commandBuffer) {
        for (const auto& tensor : resources.images)
            for (const auto& image : tensor)
                image->upload(commandBuffer);
        constexpr VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
        barrier(commandBuffer, all, all);
        record(commandBuffer, baked.at("upload"), resources, pipelines);
        for (int i = 0; i < runs; ++i) {
            barrier(commandBuffer, all, all);
            record(commandBuffer, baked.at("run"), resources, pipelines);
        }
        barrier(commandBuffer, all, all);
        for (const auto& tensor : resources.images)
            for (const auto& image : tensor)
                image->download(commandBuffer);
        barrier(commandBuffer, all, VK_PIPELINE_STAGE_HOST_BIT);
    });
    for (const auto& [name, bytes] : filesOf(baked, resources, false))
        writeFile(outputs + "/" + name, bytes);
    std::printf("%zu upload and %zu run dispatches on %s\n", baked.at("upload").size(), baked.at("run").size(),
                device.name());
    return 0;
}

} // namespace replay

int main(int argc, char** argv) try {
    if (argc < 4 || argc > 5) {
        std::fprintf(stderr, "replay FOLDER INPUTS OUTPUTS [RUNS]\n");
        return 2;
    }
    return replay::run(argv[1], argv[2], argv[3], argc > 4 ? std::max(std::atoi(argv[4]), 1) : 1);
} catch (const std::exception& error) {
    std::fprintf(stderr, "replay: %s\n", error.what());
    return 1;
}
