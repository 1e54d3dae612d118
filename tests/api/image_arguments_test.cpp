// SPDX-License-Identifier: Apache-2.0
// What can be given wrongly about images, at plan creation and while recording.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "refused.hpp"
#include "support/gpu.hpp"
#include "support/image.hpp"
#include "support/model_file.hpp"
#include "support/plan_buffers.hpp"

namespace saccade::test {
namespace {

constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;

struct PlanCall {
    PlanCall() {
        description.input("x", {1, 14, 5, 6}).input("grid", {1, 5, 6, 2}).output("y");
        x().imageCount = 2;
        x().images = images.data();
    }
    PlanCall(const PlanCall&) = delete;

    // y as images of 4, 4, 4 and 2 channels.
    void describeOutput() {
        y().imageCount = 4;
        y().images = outputs.data();
    }

    SacTensorDesc& x() { return description.inputs[0]; }
    SacTensorDesc& y() { return description.outputs[0]; }

    std::array<SacImageDesc, 2> images{sac::imageDesc(VK_FORMAT_R8G8B8A8_UNORM, 3, 2),
                                       sac::imageDesc(VK_FORMAT_R16G16_SFLOAT, 0, 1)};
    std::array<SacImageDesc, 4> outputs{
        sac::imageDesc(VK_FORMAT_R16G16B16A16_SFLOAT), sac::imageDesc(VK_FORMAT_R8G8B8A8_UNORM, 0, 1),
        sac::imageDesc(VK_FORMAT_R32G32B32A32_SFLOAT, 0, 1), sac::imageDesc(VK_FORMAT_R16G16B16A16_SFLOAT, 2, 1)};
    sac::PlanBuilder description;
};

class ImageArguments : public GpuTest {
protected:
    Context context{device()};
    const std::vector<std::byte> file = makeModelFile("grid_sample", {{"dims", 2}, {"mode", "nearest"}}, {});
    Model model{context, file};
};

TEST_F(ImageArguments, ofAPlanAreNamed) {
    const std::vector<Wrong<PlanCall>> calls = {
        {"too many", [](auto& c) { c.x().imageCount = SAC_MAX_IMAGES + 1; }, invalid, "info->inputs[0].imageCount"},
        {"no array", [](auto& c) { c.x().images = nullptr; }, invalid, "info->inputs[0].images"},
        {"a type", [](auto& c) { c.x().dataType = SAC_DATA_TYPE_FLOAT32; }, invalid, "info->inputs[0]"},
        {"a layout", [](auto& c) { c.x().layout = SAC_LAYOUT_CHANNELS_LAST; }, invalid, "info->inputs[0]"},
        {"no format", [](auto& c) { c.images[1].format = VK_FORMAT_UNDEFINED; }, invalid,
         "info->inputs[0].images[1].format"},
        {"integers", [](auto& c) { c.images[0].format = VK_FORMAT_R8G8B8A8_UINT; }, invalid, "images[0].format"},
        {"two aspects", [](auto& c) { c.images[0].format = VK_FORMAT_D24_UNORM_S8_UINT; }, invalid, "images[0].format"},
        {"channels", [](auto& c) { c.images[1].channels = 3; }, invalid, "images[1].channels"},
        {"first channel", [](auto& c) { c.images[1].firstChannel = 2; }, invalid,
         "info->inputs[0].images[1].firstChannel is 2, VkFormat 83 has 2 channels"},
        {"channels behind the first", [](auto& c) { c.images[0].firstChannel = 2; }, invalid,
         "info->inputs[0].images[0].channels is 3, VkFormat 37 has 2 from firstChannel 2 on"},
        {"factor", [](auto& c) { c.images[0].pixelShuffle = 65; }, invalid, "images[0].pixelShuffle"},
        {"transfer", [](auto& c) { c.images[1].transfer = static_cast<SacImageTransfer>(6); }, invalid,
         "info->inputs[0].images[1].transfer is 6, no SacImageTransfer"},
        {"a normal of three", [](auto& c) { c.images[0].transfer = SAC_IMAGE_TRANSFER_OCTAHEDRAL; }, invalid,
         "info->inputs[0].images[0]: its channels are 3, SAC_IMAGE_TRANSFER_OCTAHEDRAL has 2"},
        {"a normal is three channels", [](auto& c) { c.images[1].transfer = SAC_IMAGE_TRANSFER_OCTAHEDRAL; }, invalid,
         "input \"x\": its images hold 15 channels"},
        {"infinite scale", [](auto& c) { c.images[1].scale[1] = std::numeric_limits<float>::infinity(); }, invalid,
         "info->inputs[0].images[1].scale[1] is inf"},
        {"tiny scale", [](auto& c) { c.images[1].scale[3] = 0x1p-127f; }, invalid, "images[1].scale[3] is 5.87747e-39"},
        {"huge scale", [](auto& c) { c.images[1].scale[0] = -0x1p127f; }, invalid,
         "images[1].scale[0] is -1.70141e+38"},
        {"bias", [](auto& c) { c.images[0].bias[2] = std::nanf(""); }, invalid, "info->inputs[0].images[0].bias[2] is"},
        {"image sType", [](auto& c) { c.images[1].sType = {}; }, invalid,
         "sType of info->inputs[0].images[1] is 0, it must be SAC_STRUCTURE_TYPE_IMAGE_DESC"},
        {"image pNext", [](auto& c) { c.images[1].pNext = &c.images[0]; }, invalid,
         "pNext of info->inputs[0].images[1] has SAC_STRUCTURE_TYPE_IMAGE_DESC, which does not extend SacImageDesc"},
        {"sum of channels", [](auto& c) { c.x().shape[1] = 15; }, invalid, "15"},
        {"rank", [](auto& c) { c.x().rank = 3; }, invalid, "\"x\""},
        {"no feature map",
         [](auto& c) {
             c.description.inputs[1].imageCount = 1;
             c.description.inputs[1].images = c.images.data();
         },
         invalid, "\"grid\""},
        {"output format",
         [](auto& c) {
             c.describeOutput();
             c.outputs[1].format = VK_FORMAT_B8G8R8A8_SRGB;
         },
         invalid, "info->outputs[0].images[1].format is VkFormat 50, outputs are none of the SRGB"},
        {"output of depth",
         [](auto& c) {
             c.describeOutput();
             c.outputs[1].format = VK_FORMAT_D32_SFLOAT;
         },
         invalid, "info->outputs[0].images[1].format is VkFormat 126"},
        {"output channels",
         [](auto& c) {
             c.describeOutput();
             c.outputs[3].channels = 3;
         },
         invalid, "output \"y\""},
    };
    for (const Wrong<PlanCall>& wrong : calls) {
        SCOPED_TRACE(wrong.what);
        PlanCall call;
        wrong.spoil(call);
        SacPlan plan = nullptr;
        SacError error = unsetError();
        const SacResult result = sacCreatePlan(model, &call.description.get(), &plan, &error);
        expectRefused(result, error, wrong.result, wrong.named);
        EXPECT_EQ(plan, nullptr);
        sacDestroyPlan(plan);
    }
    PlanCall right;
    right.describeOutput();
    EXPECT_EQ(Plan(model, right.description).tensors().back().imageCount, 4u);
}

TEST_F(ImageArguments, outputsOfMoreFormatsTakeTheirFeature) {
    Context narrow(device(), nullptr, SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT);
    Model other(narrow, file);
    PlanCall call;
    call.describeOutput();
    EXPECT_NE(Plan(other, call.description).get(), nullptr);
    call.outputs[1].format = VK_FORMAT_A2B10G10R10_UNORM_PACK32;
    SacPlan plan = nullptr;
    SacError error = unsetError();
    const SacResult result = sacCreatePlan(other, &call.description.get(), &plan, &error);
    expectRefused(result, error, SAC_ERROR_UNSUPPORTED,
                  "info->outputs[0].images[1].format is VkFormat 64, outputs are R8G8B8A8_UNORM");
}

TEST_F(ImageArguments, formatsThatTheDeviceCannotSampleAreUnsupported) {
    const auto sampled = [](VkFormat format) {
        VkFormatProperties properties{};
        vkGetPhysicalDeviceFormatProperties(device().physical().handle, format, &properties);
        return (properties.optimalTilingFeatures & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT) != 0;
    };
    const VkFormat rare[] = {VK_FORMAT_R32G32B32_SFLOAT, VK_FORMAT_R8_SRGB, VK_FORMAT_R8G8_SRGB,
                             VK_FORMAT_X8_D24_UNORM_PACK32};
    const auto* const format = std::find_if_not(std::begin(rare), std::end(rare), sampled);
    if (format == std::end(rare))
        GTEST_SKIP() << "this device samples every format of the list";
    PlanCall call;
    call.images[0] = sac::imageDesc(*format, 1, 1);
    SacPlan plan = nullptr;
    SacError error = unsetError();
    const SacResult result = sacCreatePlan(model, &call.description.get(), &plan, &error);
    expectRefused(result, error, SAC_ERROR_UNSUPPORTED, "images[0].format");
}

TEST_F(ImageArguments, ofARunAreNamed) {
    constexpr VkFormat half4 = VK_FORMAT_R16G16B16A16_SFLOAT;
    const SacImageDesc in[] = {sac::imageDesc(half4, 0, 1), sac::imageDesc(VK_FORMAT_R32_SFLOAT, 0, 1)};
    const SacImageDesc out[] = {sac::imageDesc(half4, 0, 1), sac::imageDesc(half4, 1, 1)};
    sac::PlanBuilder description;
    description.input("x", {1, 5, 4, 4}).input("grid", {1, 4, 4, 2}).output("y");
    for (SacTensorDesc* desc : {&description.inputs[0], &description.outputs[0]}) {
        desc->imageCount = 2;
        desc->images = desc == &description.inputs[0] ? in : out;
    }
    const Plan plan(model, description);
    PlanBuffers buffers(device(), plan);

    const VkImageUsageFlags both = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT;
    const Image first(device(), half4, 8, 4, 4, 1, both);
    const Image second(device(), VK_FORMAT_R32_SFLOAT, 4, 4, 4, 1, both);
    const Image third(device(), half4, 8, 4, 4, 1, both);
    const Image fourth(device(), half4, 8, 4, 4, 1, both);
    constexpr VkImageLayout read = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, general = VK_IMAGE_LAYOUT_GENERAL;

    struct Call {
        std::array<SacImageBinding, 2> x, y;
        std::vector<SacTensorBinding> bindings; // x, grid, y
        int32_t value = 0;
    };
    const std::vector<Wrong<Call>> calls = {
        {"a buffer", [](Call& c) { c.bindings[0].buffer = c.bindings[1].buffer; }, invalid, "x has a buffer"},
        {"a value", [](Call& c) { c.bindings[0].value = &c.value; }, invalid, "x has a value"},
        {"fewer", [](Call& c) { c.bindings[0].imageCount = 1; }, invalid, "x.imageCount"},
        {"none", [](Call& c) { c.bindings[0].imageCount = 0; }, invalid, "x.imageCount"},
        {"no array", [](Call& c) { c.bindings[0].images = nullptr; }, invalid, "x.images"},
        {"no view", [](Call& c) { c.x[1].view = VK_NULL_HANDLE; }, invalid, "x.images[1].view"},
        {"image sType", [](Call& c) { c.y[1].sType = SAC_STRUCTURE_TYPE_IMAGE_DESC; }, invalid,
         "sType of y.images[1] is 15, it must be SAC_STRUCTURE_TYPE_IMAGE_BINDING"},
        {"image pNext", [](Call& c) { c.x[0].pNext = &c.bindings[0]; }, invalid,
         "pNext of x.images[0] has SAC_STRUCTURE_TYPE_TENSOR_BINDING, which does not extend SacImageBinding"},
        {"undefined layout", [](Call& c) { c.x[0].layout = VK_IMAGE_LAYOUT_UNDEFINED; }, invalid, "x.images[0].layout"},
        {"attachment", [](Call& c) { c.x[0].layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL; }, invalid,
         "x.images[0].layout"},
        {"written in a read-only layout", [](Call& c) { c.y[1].layout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL; },
         invalid, "y.images[1].layout"},
        {"read and written", [](Call& c) { c.y[0].view = c.x[0].view; }, invalid, "y.images[0].view"},
        {"written twice", [](Call& c) { c.y[1].view = c.y[0].view; }, invalid, "y.images[1].view"},
        {"images for a buffer",
         [](Call& c) {
             c.bindings[1].imageCount = 1;
             c.bindings[1].images = c.x.data();
         },
         invalid, "grid.imageCount"},
    };
    submit([&](VkCommandBuffer commandBuffer) {
        for (const Image* image : {&first, &second})
            image->upload(commandBuffer, read);
        for (const Image* image : {&third, &fourth})
            image->upload(commandBuffer, general);
        recordUpload(plan, commandBuffer, buffers);
        const auto record = [&](const std::function<void(Call&)>& spoil, SacError& error) {
            Call call{{sac::imageBinding(first.view(), read), sac::imageBinding(second.view(), read)},
                      {sac::imageBinding(third.view(), general), sac::imageBinding(fourth.view(), general)},
                      buffers.bindings};
            call.bindings[0].imageCount = call.bindings[2].imageCount = 2;
            call.bindings[0].images = call.x.data();
            call.bindings[2].images = call.y.data();
            if (spoil)
                spoil(call);
            SacRunInfo info = buffers.runInfo();
            info.bindings = call.bindings.data();
            return sacCmdRun(plan, commandBuffer, &info, &error);
        };
        for (const Wrong<Call>& wrong : calls) {
            SCOPED_TRACE(wrong.what);
            SacError error = unsetError();
            const SacResult result = record(wrong.spoil, error);
            expectRefused(result, error, wrong.result, wrong.named);
        }
        SacError error = unsetError();
        EXPECT_EQ(record({}, error), SAC_SUCCESS) << error.message;
        host::fullBarrier(commandBuffer);
    });
}

} // namespace
} // namespace saccade::test
