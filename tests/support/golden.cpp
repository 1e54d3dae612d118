// SPDX-License-Identifier: Apache-2.0
#include "support/golden.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace saccade::test {

std::vector<std::byte> readBytes(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    const std::vector<char> text((std::istreambuf_iterator<char>(stream)), {});
    if (text.empty())
        throw std::runtime_error(path.string() + ": cannot be read, or is empty");
    std::vector<std::byte> bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
}

bool hasModule(const std::string& name) {
    for (uint32_t i = 0; const char* module = sacGetModuleName(i); ++i)
        if (name == module)
            return true;
    return false;
}

SacDataType dataType(const std::string& dtype) {
    static const std::map<std::string, SacDataType> types = {
        {"F32", SAC_DATA_TYPE_FLOAT32}, {"F16", SAC_DATA_TYPE_FLOAT16}, {"I32", SAC_DATA_TYPE_INT32},
        {"I64", SAC_DATA_TYPE_INT64},   {"U8", SAC_DATA_TYPE_UINT8},    {"BOOL", SAC_DATA_TYPE_BOOL}};
    const auto found = types.find(dtype);
    if (found == types.end())
        throw std::invalid_argument("no tensor of a plan is of type " + dtype);
    return found->second;
}

GoldenCase::GoldenCase(const std::filesystem::path& path)
    : bytes(readBytes(path)), file(readSafetensors(path.string())), inputs(reference::withPrefix(file.tensors, "in.")),
      outputs(reference::withPrefix(file.tensors, "out.")) {}

void GoldenCase::describe(sac::PlanBuilder& description) const {
    for (const auto& [name, tensor] : inputs) {
        const SacDataType type = dataType(file.dtypes.at("in." + name));
        description.input(name, tensor.shape, type, SAC_LAYOUT_CONTIGUOUS, encode(tensor, type));
    }
    for (const auto& [name, tensor] : outputs)
        description.output(name, dataType(file.dtypes.at("out." + name)));
}

reference::Tensors runOnce(const Plan& plan, const reference::Tensors& inputs, const reference::Tensors& outputs) {
    PlanBuffers buffers(Gpu::get().device(), plan);
    const auto state = buffers.mapped(SAC_MEMORY_STATE);
    std::fill(state.begin(), state.end(), std::byte{0}); // a first run
    for (const SacTensorInfo& info : plan.tensors())
        if (info.flags == SAC_TENSOR_INPUT_BIT)
            buffers.write(info.name, reference::get(inputs, info.name));
    Gpu::get().submitter().run([&](VkCommandBuffer commandBuffer) {
        recordUpload(plan, commandBuffer, buffers);
        recordRun(plan, commandBuffer, buffers);
    });
    reference::Tensors results;
    for (const auto& [name, tensor] : outputs)
        results[name] = buffers.read(name);
    return results;
}

} // namespace saccade::test
