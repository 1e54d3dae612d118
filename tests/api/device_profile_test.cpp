// SPDX-License-Identifier: Apache-2.0
// The device profile: what is queried, what is taken back, and what a context does that has nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "refused.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

constexpr const char* goldenPath = SACCADE_TEST_DATA "/golden/deformable_2d_2.safetensors";

class Profile : public GpuTest {
protected:
    /// What the device has and has enabled: the most that a context takes.
    static SacDeviceProfile own() {
        SacDeviceProfile profile = device().physical().support.profile;
        profile.pushDescriptors = (device().features() & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
        profile.storageBuffer16BitAccess = (device().features() & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
        return profile;
    }

    /// A context on the device that takes it for `profile`.
    static SacContextInfo infoWith(const SacDeviceProfile& profile) {
        SacContextInfo info = host::contextInfo(device());
        info.profile = &profile;
        return info;
    }

    /// The least that Vulkan 1.1 guarantees.
    static SacDeviceProfile minimum() {
        SacDeviceProfile least{};
        least.sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE;
        least.apiVersion = VK_API_VERSION_1_1;
        least.subgroupSize = 1;
        least.maxComputeWorkGroupInvocations = 128;
        least.maxComputeWorkGroupSize[0] = least.maxComputeWorkGroupSize[1] = 128;
        least.maxComputeWorkGroupSize[2] = 64;
        std::ranges::fill(least.maxComputeWorkGroupCount, 65535u);
        least.maxComputeSharedMemorySize = 16384;
        least.maxPushConstantsSize = 128;
        least.maxPerStageDescriptorStorageBuffers = 4;
        least.maxStorageBufferRange = 134217728;
        least.minStorageBufferOffsetAlignment = 256;
        return least;
    }
};

/// A context whose end is checked.
class RawContext {
public:
    explicit RawContext(const SacContextInfo& info) {
        SacError error = unsetError();
        EXPECT_EQ(sacCreateContext(&info, &handle_, &error), SAC_SUCCESS) << error.message;
    }
    ~RawContext() { sacDestroyContext(handle_); }
    RawContext(const RawContext&) = delete;
    RawContext& operator=(const RawContext&) = delete;
    operator SacContext() const { return handle_; }

private:
    SacContext handle_ = nullptr;
};

TEST_F(Profile, isWhatVulkanSays) {
    VkPhysicalDeviceSubgroupProperties subgroup{};
    subgroup.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
    VkPhysicalDeviceProperties2 properties{};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    properties.pNext = &subgroup;
    vkGetPhysicalDeviceProperties2(device().physical().handle, &properties);
    const VkPhysicalDeviceLimits& limits = properties.properties.limits;

    const SacDeviceProfile& profile = device().physical().support.profile;
    EXPECT_EQ(profile.sType, SAC_STRUCTURE_TYPE_DEVICE_PROFILE);
    EXPECT_EQ(profile.pNext, nullptr);
    const bool cpu = properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    EXPECT_EQ(profile.kind, cpu ? SAC_DEVICE_KIND_CPU : SAC_DEVICE_KIND_GPU);
    EXPECT_EQ(profile.vendorID, properties.properties.vendorID);
    EXPECT_EQ(profile.apiVersion, properties.properties.apiVersion);
    EXPECT_EQ(profile.subgroupSize, subgroup.subgroupSize);
    EXPECT_EQ(profile.subgroupOperations,
              subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT ? subgroup.supportedOperations : 0);
    EXPECT_EQ(profile.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupInvocations);
    for (int axis = 0; axis < 3; ++axis) {
        EXPECT_EQ(profile.maxComputeWorkGroupSize[axis], limits.maxComputeWorkGroupSize[axis]);
        EXPECT_EQ(profile.maxComputeWorkGroupCount[axis], limits.maxComputeWorkGroupCount[axis]);
    }
    EXPECT_EQ(profile.maxComputeSharedMemorySize, limits.maxComputeSharedMemorySize);
    EXPECT_EQ(profile.maxPushConstantsSize, limits.maxPushConstantsSize);
    EXPECT_EQ(profile.maxPerStageDescriptorStorageBuffers, limits.maxPerStageDescriptorStorageBuffers);
    EXPECT_EQ(profile.maxStorageBufferRange, limits.maxStorageBufferRange);
    EXPECT_EQ(profile.minStorageBufferOffsetAlignment, limits.minStorageBufferOffsetAlignment);
    const SacDeviceSupport& support = device().physical().support;
    EXPECT_EQ(profile.pushDescriptors, (support.features & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0);
    EXPECT_EQ(profile.storageBuffer16BitAccess, support.storageBuffer16BitAccess);
    EXPECT_EQ(profile.shaderStorageImageWriteWithoutFormat, support.shaderStorageImageWriteWithoutFormat);
}

// A driver with matrix units, made of the real one.
constexpr uint32_t madeShapes = 20;
VkResult VKAPI_CALL madeExtensions(VkPhysicalDevice device, const char* layer, uint32_t* count,
                                   VkExtensionProperties* properties) {
    uint32_t real = 0;
    VkResult result = vkEnumerateDeviceExtensionProperties(device, layer, &real, nullptr);
    if (properties && result == VK_SUCCESS) {
        result = vkEnumerateDeviceExtensionProperties(device, layer, &real, properties);
        properties[real] = {"VK_KHR_cooperative_matrix", 2};
    }
    *count = real + 1;
    return result;
}
struct MatrixProperties {
    VkStructureType sType;
    void* pNext;
    uint32_t m, n, k;
    int32_t a, b, c, result; // VkComponentTypeKHR: 0 float16, 1 float32, 3 sint8
    VkBool32 saturating;
    int32_t scope; // VkScopeKHR: 3 subgroup, 2 workgroup
};
VkResult VKAPI_CALL madeMatrixProperties(VkPhysicalDevice, uint32_t* count, MatrixProperties* properties) {
    constexpr MatrixProperties first[] = {{{}, nullptr, 16, 8, 16, 0, 0, 1, 1, VK_FALSE, 3},
                                          {{}, nullptr, 16, 16, 32, 3, 3, 5, 5, VK_FALSE, 3},
                                          {{}, nullptr, 64, 64, 16, 0, 0, 1, 1, VK_FALSE, 2},
                                          {{}, nullptr, 8, 8, 16, 0, 0, 0, 0, VK_FALSE, 3}};
    for (uint32_t i = 0; properties && i < madeShapes; ++i) {
        EXPECT_EQ(properties[i].sType, static_cast<VkStructureType>(1000506001));
        properties[i] = first[std::min<std::size_t>(i, std::size(first) - 1)];
    }
    *count = madeShapes;
    return VK_SUCCESS;
}
PFN_vkVoidFunction VKAPI_CALL withMatrices(VkInstance instance, const char* name) {
    if (!std::strcmp(name, "vkEnumerateDeviceExtensionProperties"))
        return reinterpret_cast<PFN_vkVoidFunction>(madeExtensions);
    if (!std::strcmp(name, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"))
        return reinterpret_cast<PFN_vkVoidFunction>(madeMatrixProperties);
    return vkGetInstanceProcAddr(instance, name);
}

TEST_F(Profile, listsMatrixShapesOfHalves) {
    const SacDeviceQuery query{SAC_STRUCTURE_TYPE_DEVICE_QUERY, nullptr, withMatrices, device().instance().handle(),
                               device().physical().handle};
    SacDeviceSupport support{};
    support.sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
    ASSERT_EQ(sacQueryDevice(&query, &support, nullptr), SAC_SUCCESS);
    ASSERT_EQ(support.profile.matrixShapeCount, SAC_MAX_MATRIX_SHAPES);
    const SacMatrixShape& first = support.profile.matrixShapes[0];
    EXPECT_EQ(std::vector<uint32_t>({first.m, first.n, first.k, first.float32Result}),
              std::vector<uint32_t>({16, 8, 16, VK_TRUE}));
    const SacMatrixShape& second = support.profile.matrixShapes[1];
    EXPECT_EQ(std::vector<uint32_t>({second.m, second.n, second.k, second.float32Result}),
              std::vector<uint32_t>({8, 8, 16, VK_FALSE}));

    // What a context takes back, and what it refuses.
    SacContextInfo info = host::contextInfo(device());
    info.getInstanceProcAddr = withMatrices;
    SacDeviceProfile profile = own();
    profile.matrixShapeCount = 1;
    profile.matrixShapes[0] = second;
    info.profile = &profile;
    const RawContext context(info);
    profile.matrixShapes[0].k = 32;
    SacContext refused = nullptr;
    SacError error = unsetError();
    expectRefused(sacCreateContext(&info, &refused, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "info->profile->matrixShapes[0] is 8 x 8 x 32");
}

TEST_F(Profile, beyondTheDeviceIsRefused) {
    const SacDeviceProfile most = own();
    using P = SacDeviceProfile;
    const int other = 0;
    const std::string shared = "info->profile->maxComputeSharedMemorySize is " +
                               std::to_string(most.maxComputeSharedMemorySize + 1) + ", the device has " +
                               std::to_string(most.maxComputeSharedMemorySize);
    const std::vector<Wrong<P>> cases = {
        {"sType", [](P& p) { p.sType = SAC_STRUCTURE_TYPE_PLAN_INFO; }, SAC_ERROR_INVALID_ARGUMENT,
         "sType of info->profile"},
        {"pNext", [&](P& p) { p.pNext = &other; }, SAC_ERROR_INVALID_ARGUMENT, "pNext of info->profile"},
        {"kind", [](P& p) { p.kind = static_cast<SacDeviceKind>(2); }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->kind is 2"},
        {"apiVersion", [](P& p) { p.apiVersion += 1; }, SAC_ERROR_INVALID_ARGUMENT, "info->profile->apiVersion is"},
        {"apiVersion 1.0", [](P& p) { p.apiVersion = VK_API_VERSION_1_0; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->apiVersion is"},
        {"subgroupSize", [](P& p) { p.subgroupSize *= 2; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->subgroupSize is"},
        {"subgroupSize 3", [](P& p) { p.subgroupSize = 3; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->subgroupSize is 3, it is a power of two"},
        {"subgroupSize 0", [](P& p) { p.subgroupSize = 0; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->subgroupSize is 0"},
        {"subgroupOperations", [](P& p) { p.subgroupOperations |= 0x40000000; }, SAC_ERROR_INVALID_ARGUMENT,
         "without 0x40000000"},
        {"invocations", [](P& p) { p.maxComputeWorkGroupInvocations += 1; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->maxComputeWorkGroupInvocations is"},
        {"too few invocations", [](P& p) { p.maxComputeWorkGroupInvocations = 127; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->maxComputeWorkGroupInvocations is 127, every device of Vulkan 1.1 has 128"},
        {"workgroup size", [](P& p) { p.maxComputeWorkGroupSize[2] += 1; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->maxComputeWorkGroupSize[2] is"},
        {"workgroups", [](P& p) { p.maxComputeWorkGroupCount[1] = 65534; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->maxComputeWorkGroupCount[1] is 65534"},
        {"shared memory", [](P& p) { p.maxComputeSharedMemorySize += 1; }, SAC_ERROR_INVALID_ARGUMENT, shared.c_str()},
        {"push constants", [](P& p) { p.maxPushConstantsSize += 4; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->maxPushConstantsSize is"},
        {"storage buffers", [](P& p) { p.maxPerStageDescriptorStorageBuffers += 1; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->maxPerStageDescriptorStorageBuffers is"},
        {"range", [](P& p) { p.maxStorageBufferRange += 1; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->maxStorageBufferRange is"},
        {"alignment", [](P& p) { p.minStorageBufferOffsetAlignment /= 2; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->minStorageBufferOffsetAlignment is"},
        {"alignment 48", [](P& p) { p.minStorageBufferOffsetAlignment = 48; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->minStorageBufferOffsetAlignment is 48"},
        {"alignment 512", [](P& p) { p.minStorageBufferOffsetAlignment = 512; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->minStorageBufferOffsetAlignment is 512"},
        {"a boolean", [](P& p) { p.shaderFloat16 = 2; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->shaderFloat16 is 2"},
        {"another boolean", [](P& p) { p.shaderStorageImageWriteWithoutFormat = 3; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->shaderStorageImageWriteWithoutFormat is 3"},
        {"too many shapes", [](P& p) { p.matrixShapeCount = SAC_MAX_MATRIX_SHAPES + 1; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->profile->matrixShapeCount is 17"},
    };
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        SacDeviceProfile profile = most;
        wrong.spoil(profile);
        const SacContextInfo info = infoWith(profile);
        SacContext context = nullptr;
        SacError error = unsetError();
        expectRefused(sacCreateContext(&info, &context, &error), error, wrong.result, wrong.named);
    }
    const RawContext whole(infoWith(most)), least(infoWith(minimum()));
}

TEST_F(Profile, saysNoMoreThanIsEnabled) {
    const SacDeviceProfile profile = own();
    SacContextInfo info = infoWith(profile);
    SacContext context = nullptr;
    for (const auto& [bit, member] :
         {std::pair(SAC_FEATURE_PUSH_DESCRIPTOR_BIT, "info->profile->pushDescriptors"),
          std::pair(SAC_FEATURE_STORAGE_16BIT_BIT, "info->profile->storageBuffer16BitAccess"),
          std::pair(SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT,
                    "info->profile->shaderStorageImageWriteWithoutFormat")}) {
        if (!(device().features() & bit))
            continue;
        info.enabledFeatures = device().features() & ~static_cast<SacFeatureFlags>(bit);
        SacError error = unsetError();
        expectRefused(sacCreateContext(&info, &context, &error), error, SAC_ERROR_INVALID_ARGUMENT, member);
    }
}

TEST_F(Profile, narrowsWhatPlansMayUse) {
    const GoldenCase golden(goldenPath);
    SacDeviceProfile profile = own();
    profile.storageBuffer16BitAccess = VK_FALSE;
    profile.minStorageBufferOffsetAlignment = 256;
    {
        const RawContext context(infoWith(profile));
        const Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        const Plan plan(model, description);
        EXPECT_EQ(plan.memory(SAC_MEMORY_WORKSPACE).alignment, 256u);
        for (const SacMemoryPart& part : plan.memoryParts())
            EXPECT_TRUE(part.kind == SAC_MEMORY_WEIGHTS || part.offset % 256 == 0) << part.name;
        description.info.precision = SAC_PRECISION_FLOAT16;
        SacPlan refused = nullptr;
        SacError error = unsetError();
        expectRefused(sacCreatePlan(model, &description.get(), &refused, &error), error, SAC_ERROR_UNSUPPORTED,
                      "SAC_FEATURE_STORAGE_16BIT_BIT");
    }
    profile.maxPerStageDescriptorStorageBuffers = 4;
    const RawContext context(infoWith(profile));
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    SacPlan refused = nullptr;
    SacError error = unsetError();
    expectRefused(sacCreatePlan(model, &description.get(), &refused, &error), error, SAC_ERROR_UNSUPPORTED,
                  "maxPerStageDescriptorStorageBuffers is 4");
}

// Without a VkDevice, and without any function of Vulkan: the plan is what it is on the device of that profile.
TEST_F(Profile, aloneMakesTheSamePlan) {
    for (const char* name : {"deformable_2d_2", "phenaki_transformer_0", "dalle_attention_0"}) {
        SCOPED_TRACE(name);
        const GoldenCase golden(std::string(SACCADE_TEST_DATA "/golden/") + name + ".safetensors");
        SacDeviceProfile profile = own();
        profile.kind = SAC_DEVICE_KIND_GPU;
        const RawContext onDevice(infoWith(profile));
        const Context alone(profile);
        const Model deviceModel(onDevice, golden.bytes), model(alone, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        const Plan expected(deviceModel, description), plan(model, description);

        for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
            const SacMemoryRequirements a = expected.memory(static_cast<SacMemoryKind>(kind)),
                                        b = plan.memory(static_cast<SacMemoryKind>(kind));
            EXPECT_EQ(a.size, b.size);
            EXPECT_EQ(a.alignment, b.alignment);
            EXPECT_EQ(a.usage, b.usage);
            EXPECT_EQ(b.memoryTypeBits, 0u);
        }
        const SacPlanProperties a = expected.properties(), b = plan.properties();
        EXPECT_EQ(a.dispatchCount, b.dispatchCount);
        EXPECT_EQ(a.barrierCount, b.barrierCount);
        EXPECT_EQ(a.pipelineCount, b.pipelineCount);
        EXPECT_GT(b.pipelineCount, 1u);
        EXPECT_EQ(a.flops, b.flops);
        EXPECT_EQ(a.bytes, b.bytes);
        ASSERT_EQ(expected.tensors().size(), plan.tensors().size());
        for (std::size_t i = 0; i < plan.tensors().size(); ++i) {
            EXPECT_STREQ(expected.tensors()[i].name, plan.tensors()[i].name);
            EXPECT_EQ(expected.tensors()[i].size, plan.tensors()[i].size);
        }
        ASSERT_EQ(expected.stages().size(), plan.stages().size());
        for (std::size_t i = 0; i < plan.stages().size(); ++i) {
            EXPECT_STREQ(expected.stages()[i].name, plan.stages()[i].name);
            EXPECT_EQ(expected.stages()[i].dispatchCount, plan.stages()[i].dispatchCount);
        }
        ASSERT_EQ(expected.memoryParts().size(), plan.memoryParts().size());
        for (std::size_t i = 0; i < plan.memoryParts().size(); ++i) {
            EXPECT_STREQ(expected.memoryParts()[i].name, plan.memoryParts()[i].name);
            EXPECT_EQ(expected.memoryParts()[i].offset, plan.memoryParts()[i].offset);
        }
    }
}

TEST(ProfileAlone, recordsNothing) {
    const GoldenCase golden(goldenPath);
    SacDeviceProfile profile{};
    {
        host::Instance instance;
        profile = host::chooseDevice(instance).support.profile;
    }
    const Context context(profile);
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    description.info.flags = SAC_PLAN_CONDITIONAL_BIT;
    const Plan plan(model, description);
    const auto commandBuffer = reinterpret_cast<VkCommandBuffer>(&profile);
    SacUploadInfo upload{};
    upload.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO;
    SacError error = unsetError();
    expectRefused(sacCmdUpload(plan, commandBuffer, &upload, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "without a VkDevice");
    SacRunInfo run{};
    run.sType = SAC_STRUCTURE_TYPE_RUN_INFO;
    error = unsetError();
    expectRefused(sacCmdRun(plan, commandBuffer, &run, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "without a VkDevice");
}

TEST(ProfileAlone, namesWhatIsWrong) {
    SacContextInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
    info.apiVersion = SAC_VERSION;
    SacContext context = nullptr;
    SacError error = unsetError();
    expectRefused(sacCreateContext(&info, &context, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "info->device and info->profile are null");
    SacDeviceProfile profile{};
    info.profile = &profile;
    error = unsetError();
    expectRefused(sacCreateContext(&info, &context, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "sType of info->profile");
    profile.sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE;
    error = unsetError();
    expectRefused(sacCreateContext(&info, &context, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "info->profile->apiVersion is 0");
    info.enabledFeatures = SAC_FEATURE_STORAGE_16BIT_BIT;
    error = unsetError();
    expectRefused(sacCreateContext(&info, &context, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "info->enabledFeatures is 0x2");
}

} // namespace
} // namespace saccade::test
