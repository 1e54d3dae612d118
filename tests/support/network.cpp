// SPDX-License-Identifier: Apache-2.0
#include "support/network.hpp"

#include <algorithm>
#include <string>

#include "reference/network.hpp"
#include "support/golden.hpp"

namespace saccade::test {

NetworkFile::NetworkFile(const std::filesystem::path& path) : bytes(readBytes(path)) {
    const SafetensorsFile file = readSafetensors(path.string());
    config = nlohmann::json::parse(file.metadata.at("config"));
    for (int place = 0;; ++place) {
        const std::string prefix = place == 0 ? "" : std::to_string(place) + ".";
        NetworkRun run{reference::withPrefix(file.tensors, prefix + "in."),
                       reference::withPrefix(file.tensors, prefix + "out.")};
        if (run.outputs.empty())
            break;
        runs.push_back(std::move(run));
    }
    for (const nlohmann::json& node : config.at("nodes"))
        for (const auto& [parameter, tensor] :
             reference::withPrefix(file.tensors, node.at("name").get<std::string>() + "."))
            weights[node.at("name").get<std::string>() + "." + parameter] = tensor;
}

bool NetworkFile::isDeformable() const {
    const nlohmann::json& nodes = config.at("nodes");
    return std::any_of(nodes.begin(), nodes.end(), [](const nlohmann::json& node) {
        const std::string op = node.at("op");
        return op.starts_with("DeformableAttention") || op == "MSDeformAttn";
    });
}

void describeNetwork(sac::PlanBuilder& description, const nlohmann::json& config, const reference::Tensors& inputs) {
    for (const nlohmann::json& input : config.at("inputs")) {
        const std::string name = input.at("name");
        description.input(name, reference::get(inputs, name).shape);
    }
    for (const nlohmann::json& output : config.at("outputs"))
        description.output(output.at("name"));
    description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
}

std::vector<reference::Tensors> interpretRuns(const nlohmann::json& config, const reference::Tensors& weights,
                                              const std::vector<reference::Tensors>& inputs) {
    reference::Tensors states;
    std::vector<reference::Tensors> results;
    for (const reference::Tensors& each : inputs)
        results.push_back(reference::runNetwork(config, weights, each, &states));
    return results;
}

std::vector<reference::Tensors> runInTurn(const Plan& plan, const std::vector<reference::Tensors>& inputs) {
    PlanBuffers buffers(Gpu::get().device(), plan);
    const auto state = buffers.mapped(SAC_MEMORY_STATE);
    std::fill(state.begin(), state.end(), std::byte{0xff}); // NaN, of either type
    buffers.runFlags = SAC_RUN_RESET_STATE_BIT;
    std::vector<reference::Tensors> results;
    for (const reference::Tensors& each : inputs) {
        reference::Tensors& outputs = results.emplace_back();
        for (const SacTensorInfo& info : plan.tensors())
            if ((info.flags & SAC_TENSOR_INPUT_BIT) &&
                !(info.flags & SAC_TENSOR_HOST_BIT)) // not one that nothing reads
                buffers.write(info.name, reference::get(each, info.name));
        Gpu::get().submitter().run([&](VkCommandBuffer commandBuffer) {
            if (results.size() == 1)
                recordUpload(plan, commandBuffer, buffers);
            recordRun(plan, commandBuffer, buffers);
        });
        for (const SacTensorInfo& info : plan.tensors())
            if (!(info.flags & SAC_TENSOR_INPUT_BIT))
                outputs[info.name] = buffers.read(info.name);
        buffers.runFlags = 0;
    }
    return results;
}

} // namespace saccade::test
