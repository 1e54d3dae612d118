// SPDX-License-Identifier: Apache-2.0
#include "support/limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace saccade::test {

bool fitsFourStorageBuffers(const std::string& module, const reference::Tensors& inputs) {
    static const std::string always[] = {
        "grid_sample", "onnx.GridSample", "AlibiPositionalBias", "PEG", "PhenakiLayerNorm", "GEGLU", "l2norm", "Scale",
        "CPB"};
    if (std::ranges::find(always, module) != std::end(always))
        return true;
    // Attention binds q, k, v and the result; each mask or length is one more.
    return module == "onnx.Attention" && std::ranges::all_of(inputs, [](const auto& input) {
               return input.first == "Q" || input.first == "K" || input.first == "V";
           });
}

bool hasHalves(const host::Device& device) {
    if (const SacDeviceProfile* profile = device.profile())
        return profile->storageBuffer16BitAccess == VK_TRUE;
    return (device.features() & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
}

const char* forbiddingLimit(const host::Device& device, const std::string& module, const reference::Tensors& inputs,
                            bool half) {
    if (half && !hasHalves(device))
        return "storageBuffer16BitAccess";
    const SacDeviceProfile* profile = device.profile();
    if (profile && profile->maxPerStageDescriptorStorageBuffers == 4 && !fitsFourStorageBuffers(module, inputs))
        return "maxPerStageDescriptorStorageBuffers is 4";
    return nullptr;
}

void expectForbidden(SacModel model, sac::PlanBuilder& description, const char* limit) {
    SacPlan plan = nullptr;
    SacError error{};
    EXPECT_EQ(sacCreatePlan(model, &description.get(), &plan, &error), SAC_ERROR_UNSUPPORTED) << error.message;
    EXPECT_NE(std::strstr(error.message, limit), nullptr) << "no " << limit << " in: " << error.message;
    sacDestroyPlan(plan);
}

} // namespace saccade::test
