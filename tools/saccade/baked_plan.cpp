// SPDX-License-Identifier: Apache-2.0
#include "baked_plan.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <span>
#include <tuple>

#include "base/data_type.hpp"
#include "host/errors.hpp"
#include "host/tensor_file.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr SacCommand commands[] = {SAC_COMMAND_UPLOAD, SAC_COMMAND_RUN};

bool isImage(const SacDispatchBinding& binding) {
    return binding.descriptorType == VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE ||
           binding.descriptorType == VK_DESCRIPTOR_TYPE_STORAGE_IMAGE;
}

Json tensorEntry(const SacTensorInfo& tensor, const std::vector<BakedImage>& images) {
    Json entry{{"name", tensor.name},
               {"input", (tensor.flags & SAC_TENSOR_INPUT_BIT) != 0},
               {"type", dataTypeName(host::fileType(tensor.dataType))},
               {"shape", std::vector<uint64_t>(tensor.shape, tensor.shape + tensor.rank)},
               {"size", tensor.size}};
    for (const BakedImage& image : images)
        entry["images"].push_back({{"format", image.desc.format},
                                   {"width", image.width},
                                   {"height", image.height},
                                   {"channels", image.desc.channels},
                                   {"pixelShuffle", image.desc.pixelShuffle}});
    return entry;
}

Json bindingEntry(const BakedPlan& plan, const SacDispatchBinding& binding) {
    Json entry{{"kind", bakedKindName(binding.descriptorType)}, {"access", bakedAccessName(binding.access)}};
    if (isImage(binding)) {
        entry["tensor"] = binding.index;
        entry["image"] = binding.image;
    } else if (binding.access) {
        entry["buffer"] = plan.bufferOf(binding);
    }
    return entry;
}

Json dispatchEntry(const BakedPlan& plan, const SacDispatch& dispatch) {
    Json entry{{"name", dispatch.name},
               {"shader", dispatch.shader},
               {"groups", dispatch.groups},
               {"groupsPerEntry", dispatch.groupsPerEntry},
               {"barrier", dispatch.barrier != VK_FALSE},
               {"bindings", Json::array()}};
    for (const SacDispatchBinding& binding : std::span(dispatch.bindings).first(dispatch.bindingCount))
        entry["bindings"].push_back(bindingEntry(plan, binding));
    return entry;
}

} // namespace

const char* bakedMemoryName(SacMemoryKind kind) {
    constexpr const char* names[] = {"weights", "tables", "workspace", "state", "parameters"};
    return static_cast<size_t>(kind) < std::size(names) ? names[kind] : nullptr;
}

const char* bakedKindName(VkDescriptorType type) {
    switch (type) {
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
        return "storage_buffer";
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
        return "uniform_buffer";
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
        return "sampled_image";
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
        return "storage_image";
    default:
        return nullptr;
    }
}

const char* bakedAccessName(VkAccessFlags access) {
    const bool writes = access & VK_ACCESS_SHADER_WRITE_BIT;
    const bool reads = access & (VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT);
    return reads && writes ? "read_write" : writes ? "write" : reads ? "read" : "unused";
}

BakedPlan::BakedPlan(const sac::Plan& plan, std::string module, std::vector<std::vector<BakedImage>> images)
    : module(std::move(module)), tensors(plan.tensors()), images(std::move(images)), shaders(plan.shaders()),
      weights(plan.memory(SAC_MEMORY_WEIGHTS).size), parameters(plan.memory(SAC_MEMORY_PARAMETERS).size) {
    plan.writeWeights(weights.data());
    plan.writeParameters(parameters.data());
    for (uint32_t i = 0; i < shaders.size(); ++i)
        code.push_back(plan.shaderCode(i));
    std::map<std::tuple<SacResourceType, uint32_t, VkDeviceSize>, VkDeviceSize> sizes;
    for (const SacCommand command : commands) {
        dispatches[command] = plan.dispatches(command);
        for (const SacDispatch& dispatch : dispatches[command])
            for (const SacDispatchBinding& binding : std::span(dispatch.bindings).first(dispatch.bindingCount))
                if (!isImage(binding)) {
                    VkDeviceSize& size = sizes[{binding.type, binding.index, binding.offset}];
                    size = std::max(size, binding.size);
                }
    }
    for (const auto& [place, size] : sizes) {
        const auto& [type, index, offset] = place;
        buffers.push_back({type, index, offset, size});
    }
}

uint32_t BakedPlan::bufferOf(const SacDispatchBinding& binding) const {
    const auto found = std::ranges::find_if(buffers, [&](const BakedBuffer& buffer) {
        return buffer.type == binding.type && buffer.index == binding.index && buffer.offset == binding.offset;
    });
    return static_cast<uint32_t>(found - buffers.begin());
}

void writeBakedFolder(const BakedPlan& plan, const std::filesystem::path& folder) {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
        throw host::FileError(folder.string() + ": " + failure.message());
    Json root{{"format", "saccade dispatches"}, {"version", bakedVersion}, {"module", plan.module}};
    for (const char* list : {"tensors", "buffers", "shaders", "upload", "run"})
        root[list] = Json::array();
    for (size_t i = 0; i < plan.tensors.size(); ++i)
        root["tensors"].push_back(tensorEntry(plan.tensors[i], plan.images[i]));
    for (const BakedBuffer& buffer : plan.buffers) {
        Json entry;
        if (buffer.type == SAC_RESOURCE_TYPE_TENSOR)
            entry["tensor"] = buffer.index;
        else
            entry = {{"memory", bakedMemoryName(static_cast<SacMemoryKind>(buffer.index))}, {"offset", buffer.offset}};
        entry["size"] = buffer.size;
        root["buffers"].push_back(entry);
    }
    for (size_t i = 0; i < plan.shaders.size(); ++i) {
        const SacShader& shader = plan.shaders[i];
        const std::string file = std::to_string(i) + "." + shader.name + ".spv";
        root["shaders"].push_back({{"name", shader.name},
                                   {"file", file},
                                   {"entryPoint", shader.entryPoint},
                                   {"workgroupSize", shader.workgroupSize}});
        host::writeFile(folder / file, std::as_bytes(std::span(plan.code[i])));
    }
    for (const SacCommand command : commands)
        for (const SacDispatch& dispatch : plan.dispatches[command])
            root[command == SAC_COMMAND_UPLOAD ? "upload" : "run"].push_back(dispatchEntry(plan, dispatch));
    host::writeFile(folder / "weights.bin", plan.weights);
    host::writeFile(folder / "parameters.bin", plan.parameters);
    const std::string text = root.dump(1) + "\n";
    host::writeFile(folder / "dispatches.json", std::as_bytes(std::span(text)));
}

} // namespace saccade::cli
