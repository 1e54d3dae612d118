// SPDX-License-Identifier: Apache-2.0
// Pipelines of a device that a profile calls SwiftShader are made of literals. On the driver at hand that changes no
// result but for the tiles that are chosen.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "reference/compare.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

std::atomic<uint32_t> made, specialized;

VkResult VKAPI_CALL createPipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                    const VkComputePipelineCreateInfo* infos, const VkAllocationCallbacks* allocator,
                                    VkPipeline* pipelines) {
    for (uint32_t i = 0; i < count; ++i) {
        ++made;
        specialized += infos[i].stage.pSpecializationInfo != nullptr;
    }
    return vkCreateComputePipelines(device, cache, count, infos, allocator, pipelines);
}

PFN_vkVoidFunction VKAPI_CALL deviceFunction(VkDevice device, const char* name) {
    if (!std::strcmp(name, "vkCreateComputePipelines"))
        return reinterpret_cast<PFN_vkVoidFunction>(createPipelines);
    return vkGetDeviceProcAddr(device, name);
}

PFN_vkVoidFunction VKAPI_CALL instanceFunction(VkInstance instance, const char* name) {
    if (!std::strcmp(name, "vkGetDeviceProcAddr"))
        return reinterpret_cast<PFN_vkVoidFunction>(deviceFunction);
    return vkGetInstanceProcAddr(instance, name);
}

class SwiftShader : public GpuTest {};

TEST_F(SwiftShader, getsLiterals) {
    constexpr uint32_t google = 0x1ae0;
    SacContextInfo info = host::contextInfo(device(), instanceFunction);
    SacDeviceProfile profile = info.profile ? *info.profile : device().physical().support.profile;
    profile.pushDescriptors = (info.enabledFeatures & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
    profile.storageBuffer16BitAccess = (info.enabledFeatures & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
    profile.shaderStorageImageWriteWithoutFormat =
        (info.enabledFeatures & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT) != 0;
    info.profile = &profile;
    for (const char* name : {"deformable_2d_2", "dalle_attention_0", "phenaki_transformer_1"}) {
        const GoldenCase golden(std::string(SACCADE_TEST_DATA "/golden/") + name + ".safetensors");
        for (const bool isSwiftShader : {false, true}) {
            SCOPED_TRACE(std::string(name) + (isSwiftShader ? ", SwiftShader" : ""));
            profile.vendorID = isSwiftShader ? google : profile.vendorID;
            const Context context(info);
            const Model model(context, golden.bytes);
            sac::PlanBuilder description;
            golden.describe(description);
            description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
            made = specialized = 0;
            const Plan plan(model, description);
            EXPECT_GT(made, 0u);
            EXPECT_EQ(specialized, isSwiftShader ? 0u : made.load());
            for (const auto& [output, result] : runOnce(plan, golden.inputs, golden.outputs))
                EXPECT_LE(reference::relativeError(result, reference::get(golden.outputs, output)), 5e-5) << output;
        }
        profile.vendorID = device().physical().support.profile.vendorID;
    }
}

} // namespace
} // namespace saccade::test
