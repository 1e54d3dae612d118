// SPDX-License-Identifier: Apache-2.0
// Wrong arguments before there is a model: sacQueryDevice, sacCreateContext, sacDestroyContext.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "refused.hpp"
#include "support/gpu.hpp"

namespace saccade::test {
namespace {

class DeviceArguments : public GpuTest {};

// Drivers that lack things, made of the real one.
PFN_vkVoidFunction VKAPI_CALL withoutProperties2(VkInstance instance, const char* name) {
    return std::strcmp(name, "vkGetPhysicalDeviceProperties2") ? vkGetInstanceProcAddr(instance, name) : nullptr;
}

void VKAPI_CALL oldProperties(VkPhysicalDevice device, VkPhysicalDeviceProperties2* properties) {
    vkGetPhysicalDeviceProperties2(device, properties);
    properties->properties.apiVersion = VK_API_VERSION_1_0;
}
PFN_vkVoidFunction VKAPI_CALL oldDevice(VkInstance instance, const char* name) {
    return std::strcmp(name, "vkGetPhysicalDeviceProperties2") ? vkGetInstanceProcAddr(instance, name)
                                                               : reinterpret_cast<PFN_vkVoidFunction>(oldProperties);
}

void VKAPI_CALL noFeatures(VkPhysicalDevice, VkPhysicalDeviceFeatures2*) {}
PFN_vkVoidFunction VKAPI_CALL without16Bit(VkInstance instance, const char* name) {
    return std::strcmp(name, "vkGetPhysicalDeviceFeatures2") ? vkGetInstanceProcAddr(instance, name)
                                                             : reinterpret_cast<PFN_vkVoidFunction>(noFeatures);
}

// An extension more than the driver's own.
VkResult VKAPI_CALL oneMoreExtension(VkPhysicalDevice device, const char* layer, uint32_t* count,
                                     VkExtensionProperties* extensions) {
    uint32_t own = 0;
    vkEnumerateDeviceExtensionProperties(device, layer, &own, nullptr);
    if (extensions && *count > own) {
        vkEnumerateDeviceExtensionProperties(device, layer, &own, extensions);
        extensions[own] = {"VK_KHR_portability_subset", 1};
    }
    *count = own + 1;
    return VK_SUCCESS;
}
PFN_vkVoidFunction VKAPI_CALL portabilityDevice(VkInstance instance, const char* name) {
    return std::strcmp(name, "vkEnumerateDeviceExtensionProperties")
               ? vkGetInstanceProcAddr(instance, name)
               : reinterpret_cast<PFN_vkVoidFunction>(oneMoreExtension);
}

SacDeviceQuery validQuery(const host::Device& device) {
    return {SAC_STRUCTURE_TYPE_DEVICE_QUERY, nullptr, vkGetInstanceProcAddr, device.instance().handle(),
            device.physical().handle};
}

struct Query {
    SacDeviceQuery query;
    SacDeviceSupport support;
    const SacDeviceQuery* queryPointer;
    SacDeviceSupport* supportPointer;
};

TEST_F(DeviceArguments, queryNamesWhatIsWrong) {
    const int other = 0;
    const std::vector<Wrong<Query>> cases = {
        {"query null", [](Query& q) { q.queryPointer = nullptr; }, SAC_ERROR_INVALID_ARGUMENT, "query"},
        {"support null", [](Query& q) { q.supportPointer = nullptr; }, SAC_ERROR_INVALID_ARGUMENT, "support"},
        {"query sType", [](Query& q) { q.query.sType = SAC_STRUCTURE_TYPE_RUN_INFO; }, SAC_ERROR_INVALID_ARGUMENT,
         "sType of query"},
        {"support sType", [](Query& q) { q.support.sType = {}; }, SAC_ERROR_INVALID_ARGUMENT, "sType of support"},
        {"query pNext", [&](Query& q) { q.query.pNext = &other; }, SAC_ERROR_INVALID_ARGUMENT, "pNext of query"},
        {"support pNext", [](Query& q) { q.support.pNext = &q; }, SAC_ERROR_INVALID_ARGUMENT, "pNext of support"},
        {"profile pNext", [](Query& q) { q.support.profile.pNext = &q; }, SAC_ERROR_INVALID_ARGUMENT,
         "pNext of support->profile has SAC_STRUCTURE_TYPE_DEVICE_QUERY, which does not extend SacDeviceProfile"},
        {"getInstanceProcAddr", [](Query& q) { q.query.getInstanceProcAddr = nullptr; }, SAC_ERROR_INVALID_ARGUMENT,
         "query->getInstanceProcAddr"},
        {"instance", [](Query& q) { q.query.instance = nullptr; }, SAC_ERROR_INVALID_ARGUMENT, "query->instance"},
        {"physicalDevice", [](Query& q) { q.query.physicalDevice = nullptr; }, SAC_ERROR_INVALID_ARGUMENT,
         "query->physicalDevice"},
        {"instance of Vulkan 1.0", [](Query& q) { q.query.getInstanceProcAddr = withoutProperties2; },
         SAC_ERROR_UNSUPPORTED, "vkGetPhysicalDeviceProperties2"},
    };
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        Query call{validQuery(device()), {}, nullptr, nullptr};
        call.support.sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
        call.queryPointer = &call.query;
        call.supportPointer = &call.support;
        wrong.spoil(call);
        SacError error = unsetError();
        expectRefused(sacQueryDevice(call.queryPointer, call.supportPointer, &error), error, wrong.result, wrong.named);
        EXPECT_EQ(sacQueryDevice(call.queryPointer, call.supportPointer, nullptr), wrong.result);
    }
}

TEST_F(DeviceArguments, queryAnswers) {
    SacDeviceQuery query = validQuery(device());
    SacDeviceSupport support{};
    support.sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
    SacError error = unsetError();
    ASSERT_EQ(sacQueryDevice(&query, &support, &error), SAC_SUCCESS);
    EXPECT_EQ(error.result, SAC_SUCCESS);
    EXPECT_STREQ(error.message, "");
    EXPECT_TRUE(support.supported);
    EXPECT_STREQ(support.reason, "");
    const bool pushes = support.features & SAC_FEATURE_PUSH_DESCRIPTOR_BIT;
    ASSERT_EQ(support.extensionCount, pushes ? 1u : 0u);
    if (pushes) {
        EXPECT_STREQ(support.extensions[0], "VK_KHR_push_descriptor");
    }
    EXPECT_EQ(support.storageBuffer16BitAccess == VK_TRUE, (support.features & SAC_FEATURE_STORAGE_16BIT_BIT) != 0);
    EXPECT_EQ(support.shaderStorageImageWriteWithoutFormat == VK_TRUE,
              (support.features & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT) != 0);

    const uint32_t own = support.extensionCount;
    query.getInstanceProcAddr = portabilityDevice;
    ASSERT_EQ(sacQueryDevice(&query, &support, &error), SAC_SUCCESS);
    EXPECT_TRUE(support.supported);
    ASSERT_EQ(support.extensionCount, own + 1);
    EXPECT_STREQ(support.extensions[own], "VK_KHR_portability_subset");

    query.getInstanceProcAddr = oldDevice;
    ASSERT_EQ(sacQueryDevice(&query, &support, &error), SAC_SUCCESS) << "an unfit device is no error";
    EXPECT_FALSE(support.supported);
    EXPECT_NE(std::strstr(support.reason, "Vulkan 1.1"), nullptr) << support.reason;

    query.getInstanceProcAddr = without16Bit;
    ASSERT_EQ(sacQueryDevice(&query, &support, &error), SAC_SUCCESS);
    EXPECT_TRUE(support.supported);
    EXPECT_FALSE(support.features & SAC_FEATURE_STORAGE_16BIT_BIT);
}

TEST_F(DeviceArguments, contextNamesWhatIsWrong) {
    host::DeviceOptions options;
    options.pushDescriptors = false;
    const host::Device pushless(Gpu::get().instance(), device().physical(), options);
    static VkAllocationCallbacks callbacks{};
    const int other = 0;
    using Info = SacContextInfo;
    const std::vector<Wrong<Info>> cases = {
        {"sType", [](Info& i) { i.sType = SAC_STRUCTURE_TYPE_MODEL_INFO; }, SAC_ERROR_INVALID_ARGUMENT,
         "sType of info"},
        {"pNext", [&](Info& i) { i.pNext = &other; }, SAC_ERROR_INVALID_ARGUMENT, "pNext of info"},
        {"no version", [](Info& i) { i.apiVersion = 0; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->apiVersion is 0, version 0.0.0"},
        {"another minor version", [](Info& i) { i.apiVersion = SAC_MAKE_VERSION(0, SAC_VERSION_MINOR + 1, 0); },
         SAC_ERROR_INVALID_ARGUMENT, "info->apiVersion"},
        {"another major version", [](Info& i) { i.apiVersion = SAC_MAKE_VERSION(1, SAC_VERSION_MINOR, 3); },
         SAC_ERROR_INVALID_ARGUMENT, "version 1.2.3, this library serves 0.2"},
        {"getInstanceProcAddr", [](Info& i) { i.getInstanceProcAddr = nullptr; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->getInstanceProcAddr"},
        {"instance", [](Info& i) { i.instance = nullptr; }, SAC_ERROR_INVALID_ARGUMENT, "info->instance"},
        {"physicalDevice", [](Info& i) { i.physicalDevice = nullptr; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->physicalDevice"},
        {"device", [](Info& i) { i.device = nullptr; }, SAC_ERROR_INVALID_ARGUMENT, "info->device"},
        {"unknown feature", [](Info& i) { i.enabledFeatures |= 0x100; }, SAC_ERROR_INVALID_ARGUMENT,
         "info->enabledFeatures is 0x"},
        {"feature not enabled",
         [&](Info& i) {
             i.device = pushless.handle();
             i.enabledFeatures = SAC_FEATURE_PUSH_DESCRIPTOR_BIT;
         },
         SAC_ERROR_INVALID_ARGUMENT, "SAC_FEATURE_PUSH_DESCRIPTOR_BIT"},
        {"feature not there",
         [](Info& i) {
             i.getInstanceProcAddr = without16Bit;
             i.enabledFeatures = SAC_FEATURE_STORAGE_16BIT_BIT;
         },
         SAC_ERROR_INVALID_ARGUMENT, "SAC_FEATURE_STORAGE_16BIT_BIT"},
        {"device of Vulkan 1.0", [](Info& i) { i.getInstanceProcAddr = oldDevice; }, SAC_ERROR_UNSUPPORTED,
         "info->physicalDevice"},
        {"instance of Vulkan 1.0", [](Info& i) { i.getInstanceProcAddr = withoutProperties2; }, SAC_ERROR_UNSUPPORTED,
         "vkGetPhysicalDeviceProperties2"},
        {"allocator without functions", [](Info& i) { i.allocator = &callbacks; }, SAC_ERROR_INVALID_ARGUMENT,
         "pfnAllocation"},
    };
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        SacContextInfo info = host::contextInfo(device());
        info.profile = nullptr;
        std::string logged;
        info.logUserData = &logged;
        info.log = [](void* text, SacLogSeverity severity, const char* message) {
            EXPECT_EQ(severity, SAC_LOG_ERROR);
            *static_cast<std::string*>(text) += message;
        };
        wrong.spoil(info);
        SacContext context = reinterpret_cast<SacContext>(&info);
        SacError error = unsetError();
        expectRefused(sacCreateContext(&info, &context, &error), error, wrong.result, wrong.named);
        EXPECT_EQ(context, nullptr);
        const bool readable = info.sType == SAC_STRUCTURE_TYPE_CONTEXT_INFO;
        EXPECT_EQ(logged, readable ? error.message : "");
        EXPECT_EQ(sacCreateContext(&info, &context, nullptr), wrong.result);
    }

    SacError error = unsetError();
    SacContext context = nullptr;
    const SacContextInfo info = host::contextInfo(device());
    expectRefused(sacCreateContext(nullptr, &context, &error), error, SAC_ERROR_INVALID_ARGUMENT, "info");
    expectRefused(sacCreateContext(&info, nullptr, &error), error, SAC_ERROR_INVALID_ARGUMENT, "context");
}

TEST_F(DeviceArguments, nullIsDestroyed) {
    sacDestroyContext(nullptr);
    sacDestroyModel(nullptr);
    sacDestroyPlan(nullptr);
    EXPECT_EQ(sacGetModelModule(nullptr), nullptr);
}

TEST(Names, resultsAndModules) {
    EXPECT_STREQ(sacResultString(SAC_SUCCESS), "SAC_SUCCESS");
    EXPECT_STREQ(sacResultString(SAC_ERROR_INTERNAL), "SAC_ERROR_INTERNAL");
    for (int result = -20; result <= 20; ++result)
        EXPECT_NE(sacResultString(static_cast<SacResult>(result)), nullptr);
    const uint32_t version = sacGetVersion();
    EXPECT_EQ(std::to_string(version >> 22) + "." + std::to_string(version >> 12 & 0x3ff) + "." +
                  std::to_string(version & 0xfff),
              SACCADE_PROJECT_VERSION)
        << "the header's version is CMake's";
    ASSERT_NE(sacGetModuleName(0), nullptr);
    EXPECT_EQ(sacGetModuleName(1000), nullptr);
    EXPECT_EQ(sacGetModuleName(UINT32_MAX), nullptr);
}

} // namespace
} // namespace saccade::test
