// SPDX-License-Identifier: Apache-2.0
// Devices made from a VkDeviceCreateInfo of somebody else's that sacExtendDeviceCreateInfo has extended.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "host/errors.hpp"
#include "refused.hpp"
#include "support/golden.hpp"
#include "support/gpu.hpp"

namespace saccade::test {
namespace {

PFN_vkVoidFunction VKAPI_CALL portabilityDevice(VkInstance instance, const char* name) {
    static constexpr auto oneMore = [](VkPhysicalDevice device, const char* layer, uint32_t* count,
                                       VkExtensionProperties* extensions) VKAPI_PTR -> VkResult {
        uint32_t own = 0;
        vkEnumerateDeviceExtensionProperties(device, layer, &own, nullptr);
        if (extensions && *count > own) {
            vkEnumerateDeviceExtensionProperties(device, layer, &own, extensions);
            extensions[own] = {"VK_KHR_portability_subset", 1};
        }
        *count = own + 1;
        return VK_SUCCESS;
    };
    return std::strcmp(name, "vkEnumerateDeviceExtensionProperties")
               ? vkGetInstanceProcAddr(instance, name)
               : reinterpret_cast<PFN_vkVoidFunction>(static_cast<PFN_vkEnumerateDeviceExtensionProperties>(oneMore));
}

void VKAPI_CALL noFeatures(VkPhysicalDevice, VkPhysicalDeviceFeatures2*) {}
PFN_vkVoidFunction VKAPI_CALL without16Bit(VkInstance instance, const char* name) {
    return std::strcmp(name, "vkGetPhysicalDeviceFeatures2") ? vkGetInstanceProcAddr(instance, name)
                                                             : reinterpret_cast<PFN_vkVoidFunction>(noFeatures);
}

void VKAPI_CALL oldProperties(VkPhysicalDevice device, VkPhysicalDeviceProperties2* properties) {
    vkGetPhysicalDeviceProperties2(device, properties);
    properties->properties.apiVersion = VK_API_VERSION_1_0;
}
PFN_vkVoidFunction VKAPI_CALL oldDevice(VkInstance instance, const char* name) {
    return std::strcmp(name, "vkGetPhysicalDeviceProperties2") ? vkGetInstanceProcAddr(instance, name)
                                                               : reinterpret_cast<PFN_vkVoidFunction>(oldProperties);
}

// What an engine may put into a chain, as it goes in front of the rest.
struct Chain {
    VkPhysicalDeviceFeatures2 features2{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
    VkPhysicalDeviceVulkan11Features vulkan11{};
    VkPhysicalDeviceVulkan12Features vulkan12{};
    VkPhysicalDevice16BitStorageFeatures storage16{};
    VkPhysicalDeviceMultiviewFeatures multiview{};
    void* first = nullptr;

    Chain() {
        vulkan11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
        vulkan12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
        storage16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
        multiview.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES;
    }
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;

    template <class Structure>
    void push(Structure& structure) {
        structure.pNext = first;
        first = &structure;
    }
};

// The types of a chain's structures, in order.
std::vector<VkStructureType> typesOf(const void* chain) {
    std::vector<VkStructureType> types;
    for (auto next = static_cast<const VkBaseInStructure*>(chain); next; next = next->pNext)
        types.push_back(next->sType);
    return types;
}

class DeviceCreation : public GpuTest {
protected:
    DeviceCreation() {
        queue = {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, device().queueFamily(), 1, &priority};
        info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
        info.queueCreateInfoCount = 1;
        info.pQueueCreateInfos = &queue;
        extended.sType = SAC_STRUCTURE_TYPE_EXTENDED_DEVICE_CREATE_INFO;
    }

    static SacDeviceQuery query(PFN_vkGetInstanceProcAddr load = vkGetInstanceProcAddr) {
        return {SAC_STRUCTURE_TYPE_DEVICE_QUERY, nullptr, load, device().instance().handle(),
                device().physical().handle};
    }
    void list(const std::vector<const char*>& names) {
        info.enabledExtensionCount = static_cast<uint32_t>(names.size());
        info.ppEnabledExtensionNames = names.data();
    }
    std::vector<std::string> listed() const {
        const VkDeviceCreateInfo& out = extended.createInfo;
        return {out.ppEnabledExtensionNames, out.ppEnabledExtensionNames + out.enabledExtensionCount};
    }

    // Makes the device, and a plan with every feature that it is said to have: the validation layer sees what is
    // missing.
    void expectWorks() {
        VkDevice made = VK_NULL_HANDLE;
        ASSERT_EQ(vkCreateDevice(device().physical().handle, &extended.createInfo, nullptr, &made), VK_SUCCESS);
        SacContextInfo contextInfo = host::contextInfo(device());
        contextInfo.device = made;
        contextInfo.pipelineCache = VK_NULL_HANDLE;
        contextInfo.enabledFeatures = extended.features | (contextInfo.enabledFeatures & SAC_FEATURE_DEBUG_UTILS_BIT);
        contextInfo.profile = nullptr;
        SacContext context = nullptr;
        SacError error{};
        EXPECT_EQ(sacCreateContext(&contextInfo, &context, &error), SAC_SUCCESS) << error.message;
        if (context) {
            const Model model(context, golden.bytes);
            sac::PlanBuilder description;
            golden.describe(description);
            if (extended.features & SAC_FEATURE_STORAGE_16BIT_BIT)
                description.info.precision = SAC_PRECISION_FLOAT16;
            const Plan plan(model, description);
            EXPECT_GT(plan.properties().pipelineCount, 0u);
        }
        sacDestroyContext(context);
        vkDestroyDevice(made, nullptr);
        expectNoValidationMessages();
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/dalle_attention_0.safetensors"};
    const SacDeviceSupport& support = device().physical().support;
    const float priority = 1;
    VkDeviceQueueCreateInfo queue{};
    VkDeviceCreateInfo info{};
    SacExtendedDeviceCreateInfo extended{};
    SacError error = unsetError();
};

struct Foreign {
    const char* what;
    std::function<void(Chain&)> make;
    bool newStructure;                       // the library's own goes in front
    std::function<VkBool32*(Chain&)> member; // that has to be set; null: none
};

const std::vector<Foreign> foreignChains = {
    {"none", [](Chain&) {}, true, nullptr},
    {"VkPhysicalDeviceFeatures2", [](Chain& c) { c.push(c.features2); }, true, nullptr},
    {"other structures",
     [](Chain& c) {
         c.push(c.multiview);
         c.push(c.features2);
     },
     true, nullptr},
    {"VkPhysicalDevice16BitStorageFeatures", [](Chain& c) { c.push(c.storage16); }, false,
     [](Chain& c) { return &c.storage16.storageBuffer16BitAccess; }},
    {"that, enabled",
     [](Chain& c) {
         c.storage16.storageBuffer16BitAccess = VK_TRUE;
         c.push(c.storage16);
     },
     false, nullptr},
    {"that, last of several",
     [](Chain& c) {
         c.push(c.storage16);
         c.push(c.multiview);
         c.push(c.features2);
     },
     false, [](Chain& c) { return &c.storage16.storageBuffer16BitAccess; }},
    {"VkPhysicalDeviceVulkan11Features", [](Chain& c) { c.push(c.vulkan11); }, false,
     [](Chain& c) { return &c.vulkan11.storageBuffer16BitAccess; }},
    {"that, enabled",
     [](Chain& c) {
         c.vulkan11.storageBuffer16BitAccess = VK_TRUE;
         c.push(c.vulkan11);
     },
     false, nullptr},
    {"that, between others",
     [](Chain& c) {
         c.push(c.vulkan12);
         c.push(c.vulkan11);
         c.push(c.features2);
     },
     false, [](Chain& c) { return &c.vulkan11.storageBuffer16BitAccess; }},
};

// Each chain with each list of extensions becomes a device.
TEST_F(DeviceCreation, foreignChainsAndExtensions) {
    if (device().physical().properties.apiVersion < VK_API_VERSION_1_2)
        GTEST_SKIP() << "VkPhysicalDeviceVulkan11Features is of Vulkan 1.2";
    const bool storage16 = support.storageBuffer16BitAccess;
    const std::vector<std::vector<const char*>> lists = {
        {}, {"VK_KHR_maintenance3"}, {"VK_KHR_maintenance3", "VK_KHR_push_descriptor"}};
    for (const Foreign& foreign : foreignChains)
        for (const auto& names : lists) {
            SCOPED_TRACE(std::string(foreign.what) + ", extensions: " + std::to_string(names.size()));
            Chain chain;
            foreign.make(chain);
            info.pNext = chain.first;
            list(names);
            const VkDeviceCreateInfo before = info;
            const auto types = typesOf(chain.first);
            const SacDeviceQuery asked = query();
            ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, &error), SAC_SUCCESS) << error.message;
            EXPECT_STREQ(error.message, "");
            EXPECT_EQ(std::memcmp(&info, &before, sizeof(info)), 0) << "the original is read only";
            EXPECT_EQ(extended.features, support.features);

            auto expected = types;
            if (storage16 && foreign.newStructure)
                expected.insert(expected.begin(), VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
            EXPECT_EQ(typesOf(extended.createInfo.pNext), expected);
            EXPECT_EQ(typesOf(chain.first), types);
            VkBool32* const member = storage16 && foreign.member ? foreign.member(chain) : nullptr;
            EXPECT_EQ(extended.changed[0], member);
            if (member) {
                EXPECT_EQ(*member, VK_TRUE);
            }
            const bool features2 = std::count(types.begin(), types.end(), VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
            VkBool32* const withoutFormat = &chain.features2.features.shaderStorageImageWriteWithoutFormat;
            const bool offered = support.shaderStorageImageWriteWithoutFormat;
            EXPECT_EQ(extended.changed[1], offered && features2 ? withoutFormat : nullptr);
            EXPECT_EQ(*withoutFormat, offered && features2);
            EXPECT_EQ(extended.createInfo.pEnabledFeatures != nullptr, offered && !features2);

            std::vector<std::string> all(names.begin(), names.end());
            for (uint32_t i = 0; i < support.extensionCount; ++i)
                if (std::find(all.begin(), all.end(), support.extensions[i]) == all.end())
                    all.push_back(support.extensions[i]);
            EXPECT_EQ(listed(), all);
            expectWorks();
        }
}

// Its own result is a VkDeviceCreateInfo like any other.
TEST_F(DeviceCreation, twiceIsOnce) {
    const SacDeviceQuery asked = query();
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, nullptr), SAC_SUCCESS);
    const auto names = listed();
    const auto types = typesOf(extended.createInfo.pNext);
    const SacExtendedDeviceCreateInfo first = extended; // its chain still goes through `extended`
    SacExtendedDeviceCreateInfo second{};
    second.sType = SAC_STRUCTURE_TYPE_EXTENDED_DEVICE_CREATE_INFO;
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &extended.createInfo, &second, nullptr), SAC_SUCCESS);
    EXPECT_EQ(second.features, first.features);
    EXPECT_EQ(second.changed[0], nullptr);
    EXPECT_EQ(second.changed[1], nullptr);
    EXPECT_EQ(typesOf(second.createInfo.pNext), types);
    extended.createInfo = second.createInfo;
    EXPECT_EQ(listed(), names);
    expectWorks();
}

TEST_F(DeviceCreation, changesCanBeUndone) {
    if (!support.storageBuffer16BitAccess)
        GTEST_SKIP() << "the device has no 16-bit storage to enable";
    Chain chain;
    chain.push(chain.storage16);
    info.pNext = chain.first;
    const VkPhysicalDevice16BitStorageFeatures before = chain.storage16;
    const SacDeviceQuery asked = query();
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, nullptr), SAC_SUCCESS);
    ASSERT_NE(extended.changed[0], nullptr);
    *extended.changed[0] = VK_FALSE;
    EXPECT_EQ(std::memcmp(&chain.storage16, &before, sizeof(before)), 0);
}

// Those of pEnabledFeatures stay, in a copy.
TEST_F(DeviceCreation, enabledFeaturesAreKept) {
    VkPhysicalDeviceFeatures offered{};
    vkGetPhysicalDeviceFeatures(device().physical().handle, &offered);
    VkPhysicalDeviceFeatures own{};
    own.shaderInt64 = offered.shaderInt64;
    own.samplerAnisotropy = offered.samplerAnisotropy;
    VkPhysicalDeviceFeatures expected = own;
    expected.shaderStorageImageWriteWithoutFormat = offered.shaderStorageImageWriteWithoutFormat;
    info.pEnabledFeatures = &own;
    const SacDeviceQuery asked = query();
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, nullptr), SAC_SUCCESS);
    EXPECT_FALSE(own.shaderStorageImageWriteWithoutFormat) << "the original is read only";
    EXPECT_EQ(std::memcmp(extended.createInfo.pEnabledFeatures, &expected, sizeof(expected)), 0);
    expectWorks();
}

TEST_F(DeviceCreation, portabilityDrivers) {
    const SacDeviceQuery asked = query(portabilityDevice);
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, nullptr), SAC_SUCCESS);
    const auto names = listed();
    EXPECT_EQ(std::count(names.begin(), names.end(), "VK_KHR_portability_subset"), 1);
    const std::vector<const char*> own = {"VK_KHR_portability_subset"};
    list(own);
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, nullptr), SAC_SUCCESS);
    const auto again = listed();
    EXPECT_EQ(again.size(), names.size());
    EXPECT_EQ(again[0], own[0]);
    EXPECT_EQ(std::count(again.begin(), again.end(), own[0]), 1);
}

// What the device does not offer is neither enabled nor reported.
TEST_F(DeviceCreation, withoutSixteenBits) {
    Chain chain;
    chain.push(chain.vulkan11);
    info.pNext = chain.first;
    const SacDeviceQuery asked = query(without16Bit);
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, nullptr), SAC_SUCCESS);
    EXPECT_FALSE(extended.features & SAC_FEATURE_STORAGE_16BIT_BIT);
    EXPECT_EQ(extended.createInfo.pNext, chain.first);
    EXPECT_FALSE(chain.vulkan11.storageBuffer16BitAccess);
    EXPECT_EQ(extended.changed[0], nullptr);
    info.pNext = nullptr;
    ASSERT_EQ(sacExtendDeviceCreateInfo(&asked, &info, &extended, nullptr), SAC_SUCCESS);
    EXPECT_EQ(extended.createInfo.pNext, nullptr);
}

struct Call {
    SacDeviceQuery query;
    VkDeviceCreateInfo info;
    Chain& chain;
    SacExtendedDeviceCreateInfo& extended;
    const SacDeviceQuery* queryPointer = nullptr;
    const VkDeviceCreateInfo* infoPointer = nullptr;
    SacExtendedDeviceCreateInfo* extendedPointer = nullptr;
};

TEST_F(DeviceCreation, namesWhatIsWrong) {
    constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
    static const char* const noName[] = {"VK_KHR_maintenance3", nullptr};
    static const std::vector<const char*> many(SAC_MAX_DEVICE_EXTENSIONS, "VK_KHR_maintenance3");
    const std::vector<Wrong<Call>> cases = {
        {"query null", [](Call& c) { c.queryPointer = nullptr; }, invalid, "query is null"},
        {"query sType", [](Call& c) { c.query.sType = {}; }, invalid, "sType of query"},
        {"instance", [](Call& c) { c.query.instance = nullptr; }, invalid, "query->instance"},
        {"createInfo null", [](Call& c) { c.infoPointer = nullptr; }, invalid, "createInfo is null"},
        {"createInfo sType", [](Call& c) { c.info.sType = {}; }, invalid, "createInfo->sType"},
        {"names null",
         [](Call& c) {
             c.info.enabledExtensionCount = 2;
             c.info.ppEnabledExtensionNames = nullptr;
         },
         invalid, "createInfo->ppEnabledExtensionNames is null"},
        {"a null name",
         [](Call& c) {
             c.info.enabledExtensionCount = 2;
             c.info.ppEnabledExtensionNames = noName;
         },
         invalid, "createInfo->ppEnabledExtensionNames[1]"},
        {"too many names",
         [](Call& c) {
             c.info.enabledExtensionCount = SAC_MAX_DEVICE_EXTENSIONS;
             c.info.ppEnabledExtensionNames = many.data();
         },
         invalid, "createInfo->enabledExtensionCount is 512"},
        {"count of a negative number",
         [](Call& c) {
             c.info.enabledExtensionCount = ~0u;
             c.info.ppEnabledExtensionNames = noName;
         },
         invalid, "createInfo->enabledExtensionCount is 4294967295"},
        {"both structures", [](Call& c) { c.chain.push(c.chain.vulkan11); }, invalid, "has both"},
        {"extended null", [](Call& c) { c.extendedPointer = nullptr; }, invalid, "extended is null"},
        {"extended sType", [](Call& c) { c.extended.sType = {}; }, invalid, "sType of extended"},
        {"an unfit device", [](Call& c) { c.query.getInstanceProcAddr = oldDevice; }, SAC_ERROR_UNSUPPORTED,
         "query->physicalDevice: the device is below Vulkan 1.1"},
    };
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        Chain chain;
        chain.push(chain.storage16);
        Call call{query(), info, chain, extended};
        call.queryPointer = &call.query;
        call.infoPointer = &call.info;
        call.extendedPointer = &extended;
        extended = {};
        extended.sType = SAC_STRUCTURE_TYPE_EXTENDED_DEVICE_CREATE_INFO;
        wrong.spoil(call);
        call.info.pNext = chain.first;
        const SacExtendedDeviceCreateInfo before = extended;
        error = unsetError();
        expectRefused(sacExtendDeviceCreateInfo(call.queryPointer, call.infoPointer, call.extendedPointer, &error),
                      error, wrong.result, wrong.named);
        EXPECT_EQ(std::memcmp(&extended, &before, sizeof(before)), 0);
        EXPECT_FALSE(chain.storage16.storageBuffer16BitAccess);
        EXPECT_FALSE(chain.vulkan11.storageBuffer16BitAccess);
    }
}

} // namespace
} // namespace saccade::test
