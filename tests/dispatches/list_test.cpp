// SPDX-License-Identifier: Apache-2.0
// What a plan answers of its dispatches: names, workgroups, bindings and code, the same with a device and without.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "api/refused.hpp"
#include "dispatches/replay.hpp"
#include "support/callbacks.hpp"
#include "support/golden.hpp"
#include "support/headless.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

constexpr SacCommand commands[] = {SAC_COMMAND_UPLOAD, SAC_COMMAND_RUN};

std::string pathOf(const char* name) { return std::string(SACCADE_TEST_DATA "/golden/") + name + ".safetensors"; }

Plan planOf(const Model& model, const GoldenCase& golden, SacPlanFlags flags = 0) {
    sac::PlanBuilder description;
    golden.describe(description);
    description.info.flags = flags;
    return Plan(model, description);
}

// All that the list says, names aside, in words.
std::vector<uint64_t> words(const SacDispatch& dispatch) {
    std::vector<uint64_t> out{dispatch.shader,    dispatch.groups[0],      dispatch.groups[1],
                              dispatch.groups[2], dispatch.groupsPerEntry, dispatch.barrier};
    for (uint32_t i = 0; i < dispatch.bindingCount; ++i) {
        const SacDispatchBinding& b = dispatch.bindings[i];
        for (const uint64_t word : {uint64_t(b.descriptorType), uint64_t(b.access), uint64_t(b.type), uint64_t(b.index),
                                    uint64_t(b.image), b.offset, b.size})
            out.push_back(word);
    }
    return out;
}

TEST(DispatchAnswers, areOfTheStagesInOrder) {
    const Context context(desktopProfile());
    const GoldenCase golden(pathOf("phenaki_transformer_1"));
    const Model model(context, golden.bytes);
    const Plan plan = planOf(model, golden);
    const auto dispatches = plan.dispatches(SAC_COMMAND_RUN);
    const SacPlanProperties properties = plan.properties();
    ASSERT_EQ(dispatches.size(), properties.dispatchCount);
    size_t i = 0;
    for (const SacStageInfo& stage : plan.stages())
        for (uint32_t n = 0; n < stage.dispatchCount; ++n)
            EXPECT_STREQ(dispatches.at(i++).name, stage.name);
    EXPECT_EQ(i, dispatches.size());
    EXPECT_EQ(std::ranges::count_if(dispatches, [](const SacDispatch& d) { return d.barrier; }),
              properties.barrierCount);
    const auto shaders = plan.shaders();
    ASSERT_EQ(shaders.size(), properties.pipelineCount) << "which has no pipeline for a state here";
    std::vector<bool> used(shaders.size());
    for (const SacCommand command : commands)
        for (const SacDispatch& dispatch : plan.dispatches(command))
            used.at(dispatch.shader) = true;
    EXPECT_EQ(std::ranges::count(used, true), shaders.size());
    for (uint32_t s = 0; s < shaders.size(); ++s) {
        EXPECT_STREQ(shaders[s].entryPoint, "main");
        EXPECT_GE(shaders[s].workgroupSize[0], 1u);
        EXPECT_EQ(plan.shaderCode(s).size() * 4, shaders[s].codeSize);
    }
}

// A linear layer declares a bias and a residual. It has no residual, and a bias only if the file has one.
TEST(DispatchAnswers, sayWhatIsUnused) {
    const Context context(desktopProfile());
    for (const bool bias : {false, true}) {
        reference::Tensors weights{{"y.weight", reference::Tensor({8, 4}, 1)}};
        if (bias)
            weights["y.bias"] = reference::Tensor({8}, 1);
        const auto file =
            makeModelFile("Network",
                          {{"inputs", {{{"name", "x"}, {"shape", {1, 3, 4}}}}},
                           {"nodes", {{{"op", "linear"}, {"name", "y"}, {"inputs", nlohmann::json::array({"x"})}}}},
                           {"outputs", {{{"name", "y"}, {"value", "y"}}}}},
                          weights);
        const Model model(context, file);
        sac::PlanBuilder description;
        description.input("x", {1, 3, 4});
        const Plan plan(model, description);
        const auto dispatches = plan.dispatches(SAC_COMMAND_RUN);
        ASSERT_EQ(dispatches.size(), 1u);
        std::vector<VkAccessFlags> access;
        for (uint32_t i = 0; i < dispatches[0].bindingCount; ++i)
            access.push_back(dispatches[0].bindings[i].access);
        constexpr VkAccessFlags read = VK_ACCESS_SHADER_READ_BIT, write = VK_ACCESS_SHADER_WRITE_BIT;
        EXPECT_EQ(access,
                  (std::vector<VkAccessFlags>{read, read, bias ? read : 0, 0, write, VK_ACCESS_UNIFORM_READ_BIT}));
    }
}

TEST(DispatchAnswers, nameImages) {
    const Context context(desktopProfile());
    const auto file = makeModelFile("grid_sample", {{"dims", 2}}, {});
    const Model model(context, file);
    const SacImageDesc two = sac::imageDesc(VK_FORMAT_R16G16_SFLOAT), four = sac::imageDesc(VK_FORMAT_R8G8B8A8_UNORM);
    sac::PlanBuilder description;
    description.input("x", {1, 6, 5, 7}, {four, two}).input("grid", {1, 5, 7, 2}).output("y", {four, two});
    description.outputs[0].imageCount = 0; // six channels, as a buffer
    const Plan plan(model, description);
    std::vector<std::pair<uint32_t, uint32_t>> images, buffers;
    for (const SacDispatch& dispatch : plan.dispatches(SAC_COMMAND_RUN))
        for (uint32_t i = 0; i < dispatch.bindingCount; ++i) {
            const SacDispatchBinding& binding = dispatch.bindings[i];
            if (binding.type != SAC_RESOURCE_TYPE_TENSOR || !binding.access)
                continue;
            if (binding.descriptorType == VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE) {
                images.push_back({binding.index, binding.image});
                EXPECT_EQ(binding.access, VK_ACCESS_SHADER_READ_BIT);
                EXPECT_EQ(binding.size, 0u);
            } else {
                buffers.push_back({binding.index, binding.image});
                EXPECT_EQ(binding.size, plan.tensors()[binding.index].size);
            }
        }
    using Places = std::vector<std::pair<uint32_t, uint32_t>>;
    EXPECT_EQ(images, (Places{{plan.tensor("x"), 0}, {plan.tensor("x"), 1}}));
    std::ranges::sort(buffers);
    EXPECT_EQ(buffers, (Places{{plan.tensor("grid"), 0}, {plan.tensor("y"), 0}}));
}

TEST(DispatchAnswers, wrongArgumentsAreRefusedByName) {
    const Context context(desktopProfile());
    const GoldenCase golden(pathOf("deformable_1d_2"));
    const Model model(context, golden.bytes);
    const Plan plan = planOf(model, golden), conditional = planOf(model, golden, SAC_PLAN_CONDITIONAL_BIT),
               resetting = planOf(model, golden, SAC_PLAN_CONDITIONAL_RESET_BIT);
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    const auto refused = [&](const char* named, const auto& call) {
        SacError error = unsetError();
        expectRefused(call(&error), error, invalid, named);
    };
    uint32_t count = 0;
    std::vector<SacDispatch> dispatches(64, sac::make<SacDispatch>());
    std::vector<SacShader> shaders(64, sac::make<SacShader>());
    size_t codeSize = 0;
    uint32_t few[4];
    refused("plan is null",
            [&](SacError* e) { return sacGetPlanDispatches(nullptr, SAC_COMMAND_RUN, &count, nullptr, e); });
    refused("command is 7, no SacCommand",
            [&](SacError* e) { return sacGetPlanDispatches(plan, SacCommand(7), &count, nullptr, e); });
    refused("count is null",
            [&](SacError* e) { return sacGetPlanDispatches(plan, SAC_COMMAND_RUN, nullptr, nullptr, e); });
    refused("*count is 1, there are ", [&](SacError* e) {
        count = 1;
        return sacGetPlanDispatches(plan, SAC_COMMAND_RUN, &count, dispatches.data(), e);
    });
    refused("dispatches[0]", [&](SacError* e) {
        count = 64;
        dispatches[0].sType = SAC_STRUCTURE_TYPE_SHADER;
        return sacGetPlanDispatches(plan, SAC_COMMAND_RUN, &count, dispatches.data(), e);
    });
    refused("plan was made with SAC_PLAN_CONDITIONAL_BIT",
            [&](SacError* e) { return sacGetPlanDispatches(conditional, SAC_COMMAND_RUN, &count, nullptr, e); });
    refused("plan was made with SAC_PLAN_CONDITIONAL_RESET_BIT",
            [&](SacError* e) { return sacGetPlanDispatches(resetting, SAC_COMMAND_UPLOAD, &count, nullptr, e); });
    refused("plan is null", [&](SacError* e) { return sacGetPlanShaders(nullptr, &count, nullptr, e); });
    refused("count is null", [&](SacError* e) { return sacGetPlanShaders(plan, nullptr, nullptr, e); });
    refused("shaders[1]", [&](SacError* e) {
        count = 64;
        shaders[1].sType = SAC_STRUCTURE_TYPE_DISPATCH;
        return sacGetPlanShaders(plan, &count, shaders.data(), e);
    });
    refused("plan is null", [&](SacError* e) { return sacGetPlanShaderCode(nullptr, 0, &codeSize, nullptr, e); });
    refused("codeSize is null", [&](SacError* e) { return sacGetPlanShaderCode(plan, 0, nullptr, nullptr, e); });
    refused("shader is 99, the plan has ",
            [&](SacError* e) { return sacGetPlanShaderCode(plan, 99, &codeSize, nullptr, e); });
    refused("*codeSize is 16, the code has ", [&](SacError* e) {
        codeSize = sizeof(few);
        return sacGetPlanShaderCode(plan, 0, &codeSize, few, e);
    });
    const VkDeviceSize parameters = plan.memory(SAC_MEMORY_PARAMETERS).size;
    refused("plan is null", [&](SacError* e) { return sacWriteParameters(nullptr, 0, 4, few, e); });
    refused("the parameters have ", [&](SacError* e) { return sacWriteParameters(plan, parameters + 1, 0, few, e); });
    refused("size is 8, from offset ",
            [&](SacError* e) { return sacWriteParameters(plan, parameters - 4, 8, few, e); });
    refused("data is null", [&](SacError* e) { return sacWriteParameters(plan, 0, 4, nullptr, e); });
    EXPECT_EQ(sacWriteParameters(plan, parameters, 0, nullptr, nullptr), SAC_SUCCESS);
}

// Each allocation in turn gets no memory: an error, nothing is left, and the next call works.
TEST(DispatchAnswers, surviveFailedAllocations) {
    Callbacks callbacks;
    const SacDeviceProfile profile = desktopProfile();
    SacContextInfo info = sac::make<SacContextInfo>();
    info.profile = &profile;
    info.allocator = callbacks.get();
    const Context context(info);
    const GoldenCase golden(pathOf("deformable_1d_2"));
    const Model model(context, golden.bytes);
    const Plan plan = planOf(model, golden);
    std::vector<SacDispatch> dispatches(64, sac::make<SacDispatch>());
    std::vector<SacShader> shaders(64, sac::make<SacShader>());
    std::vector<uint32_t> code(1 << 16);
    const size_t live = callbacks.live();
    const auto survives = [&](const auto& call) {
        for (size_t n = 0;; ++n) {
            callbacks.failAt(n);
            const SacResult result = call();
            EXPECT_EQ(callbacks.live(), live);
            if (!callbacks.failed()) {
                EXPECT_EQ(result, SAC_SUCCESS);
                EXPECT_GT(n, 0u);
                break;
            }
            EXPECT_EQ(result, SAC_ERROR_OUT_OF_HOST_MEMORY);
        }
        callbacks.failAt(Callbacks::never);
    };
    survives([&] {
        uint32_t count = 64;
        return sacGetPlanDispatches(plan, SAC_COMMAND_RUN, &count, dispatches.data(), nullptr);
    });
    survives([&] {
        uint32_t count = 64;
        return sacGetPlanShaders(plan, &count, shaders.data(), nullptr);
    });
    survives([&] {
        size_t size = code.size() * sizeof(uint32_t);
        return sacGetPlanShaderCode(plan, 0, &size, code.data(), nullptr);
    });
}

class DispatchesOfDevices : public GpuTest {};

// A context without a device, told what the device is, bakes the very same list, code, weights and parameters.
TEST_F(DispatchesOfDevices, equalThoseOfTheirProfile) {
    const Context context(device());
    SacDeviceProfile profile = device().profile() ? *device().profile() : device().physical().support.profile;
    profile.sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE;
    profile.pushDescriptors = (device().features() & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
    profile.storageBuffer16BitAccess = (device().features() & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
    const Context headless(profile);
    for (const char* name : {"deformable_1d_2", "deformable_2d_2", "deformable_3d_1", "dalle_attention_3",
                             "phenaki_transformer_1", "grid_sample_4"}) {
        SCOPED_TRACE(name);
        const GoldenCase golden(pathOf(name));
        const Model here(context, golden.bytes), nowhere(headless, golden.bytes);
        const Plan made = planOf(here, golden, SAC_PLAN_WHOLE_BUFFERS_BIT),
                   baked = planOf(nowhere, golden, SAC_PLAN_WHOLE_BUFFERS_BIT);
        for (const SacCommand command : commands) {
            const auto a = made.dispatches(command), b = baked.dispatches(command);
            ASSERT_EQ(a.size(), b.size());
            for (size_t i = 0; i < a.size(); ++i) {
                EXPECT_STREQ(a[i].name, b[i].name);
                EXPECT_EQ(words(a[i]), words(b[i]));
            }
        }
        ASSERT_EQ(made.shaders().size(), baked.shaders().size());
        for (uint32_t s = 0; s < made.shaders().size(); ++s)
            EXPECT_EQ(made.shaderCode(s), baked.shaderCode(s));
        for (const SacMemoryKind kind : {SAC_MEMORY_WEIGHTS, SAC_MEMORY_PARAMETERS}) {
            std::vector<std::byte> a(made.memory(kind).size), b(baked.memory(kind).size, std::byte{1});
            kind == SAC_MEMORY_WEIGHTS ? made.writeWeights(a.data()) : made.writeParameters(a.data());
            kind == SAC_MEMORY_WEIGHTS ? baked.writeWeights(b.data()) : baked.writeParameters(b.data());
            EXPECT_EQ(a, b);
        }
    }
}

// The first entry of a batch of two, alone: as the planned batch has it.
TEST_F(DispatchesOfDevices, scaleWithTheBatch) {
    const GoldenCase golden(pathOf("deformable_2d_2"));
    reference::Tensors inputs;
    const reference::Tensor& x = golden.inputs.at("x");
    reference::Tensor twice = x;
    twice.shape[0] *= 2;
    twice.data.insert(twice.data.end(), x.data.begin(), x.data.end());
    const Context context(device());
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    description.input("x", twice.shape).positionBias(SAC_POSITION_BIAS_MODE_EXACT);
    description.info.flags = SAC_PLAN_WHOLE_BUFFERS_BIT;
    const Plan plan(model, description);
    const uint32_t entries = static_cast<uint32_t>(x.shape[0]);
    std::vector<std::vector<std::byte>> results;
    for (const uint32_t batch : {0u, entries}) {
        Replay replay(device(), plan);
        replay.write("x", twice);
        submit([&](VkCommandBuffer commandBuffer) {
            replay.record(commandBuffer, SAC_COMMAND_UPLOAD);
            replay.record(commandBuffer, SAC_COMMAND_RUN, batch);
        });
        results.push_back(replay.bytes("y"));
    }
    const size_t half = results[0].size() / 2;
    EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), half), 0);
    EXPECT_NE(std::memcmp(results[0].data() + half, results[1].data() + half, half), 0) << "which was not computed";
}

} // namespace
} // namespace saccade::test
