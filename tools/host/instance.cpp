#include "host/instance.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "host/errors.hpp"

namespace saccade::host {

namespace {

constexpr const char* validationLayer = "VK_LAYER_KHRONOS_validation";

VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                         const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
    static_cast<Instance*>(user)->addMessage(data->pMessage ? data->pMessage : "(no text)");
    return VK_FALSE;
}

bool hasValidationLayer() {
    uint32_t count = 0;
    checkVulkan(vkEnumerateInstanceLayerProperties(&count, nullptr), "vkEnumerateInstanceLayerProperties");
    std::vector<VkLayerProperties> layers(count);
    checkVulkan(vkEnumerateInstanceLayerProperties(&count, layers.data()), "vkEnumerateInstanceLayerProperties");
    return std::any_of(layers.begin(), layers.end(),
                       [](const VkLayerProperties& layer) { return !std::strcmp(layer.layerName, validationLayer); });
}

} // namespace

Instance::Instance(Validation validation) : validation_(validation) {
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
    const char* extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
    if (validation != Validation::off) {
        if (!hasValidationLayer())
            throw DeviceError(
                "the Khronos validation layer is not installed (Debian, Ubuntu: vulkan-validationlayers)");
        info.pNext = &features;
        info.enabledLayerCount = 1;
        info.ppEnabledLayerNames = layers;
        info.enabledExtensionCount = 2;
        info.ppEnabledExtensionNames = extensions;
    }
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
