// SPDX-License-Identifier: Apache-2.0
#include "host/instance.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "host/errors.hpp"

namespace saccade::host {

namespace {

constexpr const char* validationLayer = "VK_LAYER_KHRONOS_validation";

// What the layer says of its own settings and of the shaders that it makes; none of it is said of what a program does.
constexpr std::string_view aboutTheLayer[] = {
    "VALIDATION-SETTINGS",               // several kinds of checks at once are slow
    "WARNING-Setting-Limit-Adjusted",    // features it enables for itself, checks of what the device does not have
    "GPUAV-Compile-time-general-buffer", // instrumented shaders take long to compile
};

// The same of the newer layers, which say everything of their own set-up under one name: features that they enable for
// themselves, and the one kind of check that they leave out where the device traces no rays.
constexpr const char* setUpName = "WARNING-GPU-Assisted-Validation";
constexpr std::string_view setUpTexts[] = {
    "vkCreateDevice(): Internal Warning: Forcing ",
    "vkCreateDevice(): Internal Warning: Adding a ",
    "vkCreateDevice(): Internal Warning: Ray Query validation option was enabled, but",
};

bool isAboutTheLayer(std::string_view name, std::string_view text) {
    if (std::ranges::find(aboutTheLayer, name) != std::end(aboutTheLayer))
        return true;
    return name == setUpName && std::ranges::any_of(setUpTexts, [&](std::string_view known) {
               return text.find(known) != std::string_view::npos;
           });
}

VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                         const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
    const std::string name = data->pMessageIdName ? data->pMessageIdName : "";
    std::string text = data->pMessage ? data->pMessage : "(no text)";
    if (isAboutTheLayer(name, text))
        return VK_FALSE;
    // Newer layers leave the name out of the text.
    if (text.find(name) == std::string::npos)
        text = name + ": " + text;
    static_cast<Instance*>(user)->addMessage(std::move(text));
    return VK_FALSE;
}

// Layers since 1.3.300 or so follow what shaders access from one dispatch to the next only where this is set; older
// ones do so anyway. Whoever has set it keeps that.
void followShaderAccesses() {
    constexpr const char* setting = "VK_LAYER_SYNCVAL_SHADER_ACCESSES_HEURISTIC";
#if defined(_WIN32)
    if (!std::getenv(setting))
        _putenv_s(setting, "1");
#else
    setenv(setting, "1", 0);
#endif
}

// 0 where it is not installed.
uint32_t versionOfValidationLayer() {
    uint32_t count = 0;
    checkVulkan(vkEnumerateInstanceLayerProperties(&count, nullptr), "vkEnumerateInstanceLayerProperties");
    std::vector<VkLayerProperties> layers(count);
    checkVulkan(vkEnumerateInstanceLayerProperties(&count, layers.data()), "vkEnumerateInstanceLayerProperties");
    for (const VkLayerProperties& layer : layers)
        if (!std::strcmp(layer.layerName, validationLayer))
            return layer.specVersion;
    return 0;
}

bool hasInstanceExtension(const char* name) {
    uint32_t count = 0;
    checkVulkan(vkEnumerateInstanceExtensionProperties(nullptr, &count, nullptr),
                "vkEnumerateInstanceExtensionProperties");
    std::vector<VkExtensionProperties> extensions(count);
    checkVulkan(vkEnumerateInstanceExtensionProperties(nullptr, &count, extensions.data()),
                "vkEnumerateInstanceExtensionProperties");
    return std::ranges::any_of(extensions,
                               [&](const VkExtensionProperties& e) { return !std::strcmp(e.extensionName, name); });
}

} // namespace

Validation wantedValidation() {
    const char* wanted = std::getenv("SACCADE_VALIDATION");
    if (!wanted || !*wanted)
        return Validation::full;
    if (std::strcmp(wanted, "gpu") != 0)
        throw DeviceError("SACCADE_VALIDATION is \"" + std::string(wanted) + "\"; it can only be \"gpu\" or nothing");
    return Validation::gpuAssisted;
}

Instance::Instance(Validation validation, bool debugNames) : validation_(validation) {
    uint32_t loaderVersion = VK_API_VERSION_1_0;
    vkEnumerateInstanceVersion(&loaderVersion);
    if (loaderVersion < VK_API_VERSION_1_1)
        throw DeviceError("the Vulkan loader is older than Vulkan 1.1");

    VkApplicationInfo application{};
    application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    application.pApplicationName = "saccade";
    application.apiVersion = std::min<uint32_t>(loaderVersion, VK_API_VERSION_1_3);

    VkInstanceCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
    info.pApplicationInfo = &application;

    // The loader itself reports as GENERAL, for instance drivers it skips: not this program's mistakes.
    VkDebugUtilsMessengerCreateInfoEXT messenger{};
    messenger.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
    messenger.messageSeverity =
        VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    messenger.messageType =
        VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
    messenger.pfnUserCallback = onMessage;
    messenger.pUserData = this;

    const VkValidationFeatureEnableEXT checks[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
        VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT,
        VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_RESERVE_BINDING_SLOT_EXT,
    };
    VkValidationFeaturesEXT features{};
    features.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT;
    features.enabledValidationFeatureCount = validation == Validation::gpuAssisted ? 3 : 1;
    features.pEnabledValidationFeatures = checks;
    features.pNext = &messenger; // creation and destruction of the instance itself

    const char* layers[] = {validationLayer};
    std::vector<const char*> extensions;
    // Drivers that implement Vulkan but for some corners, as MoltenVK does, are listed to whom asks for them.
    if (hasInstanceExtension(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
        extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
        info.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    if (validation != Validation::off) {
        layerVersion_ = versionOfValidationLayer();
        if (!layerVersion_)
            throw DeviceError(
                "the Khronos validation layer is not installed (Debian, Ubuntu: vulkan-validationlayers)");
        info.pNext = &features;
        info.enabledLayerCount = 1;
        info.ppEnabledLayerNames = layers;
        followShaderAccesses();
        extensions.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
    }
    debugUtils_ =
        validation != Validation::off || (debugNames && hasInstanceExtension(VK_EXT_DEBUG_UTILS_EXTENSION_NAME));
    if (debugUtils_)
        extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
    info.ppEnabledExtensionNames = extensions.data();
    checkVulkan(vkCreateInstance(&info, nullptr, &handle_), "vkCreateInstance");
    if (validation != Validation::off)
        createMessenger(messenger);
}

Instance::~Instance() {
    if (messenger_) {
        const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
            vkGetInstanceProcAddr(handle_, "vkDestroyDebugUtilsMessengerEXT"));
        destroy(handle_, messenger_, nullptr);
    }
    vkDestroyInstance(handle_, nullptr);
}

void Instance::createMessenger(const VkDebugUtilsMessengerCreateInfoEXT& info) {
    const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(handle_, "vkCreateDebugUtilsMessengerEXT"));
    const VkResult result = create ? create(handle_, &info, nullptr, &messenger_) : VK_ERROR_EXTENSION_NOT_PRESENT;
    if (result != VK_SUCCESS) {
        vkDestroyInstance(handle_, nullptr);
        checkVulkan(result, "vkCreateDebugUtilsMessengerEXT");
    }
}

std::vector<std::string> Instance::takeMessages() {
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
}

void Instance::addMessage(std::string message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
}

} // namespace saccade::host
