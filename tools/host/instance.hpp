// SPDX-License-Identifier: Apache-2.0
// A headless Vulkan instance, with the Khronos validation layer where a program asks for it.
#pragma once

#include <vulkan/vulkan.h>

#include <mutex>
#include <string>
#include <vector>

namespace saccade::host {

/// How much the validation layer checks. Each step includes the ones before it.
enum class Validation {
    off,
    full,       ///< core checks and synchronization
    gpuAssisted ///< also memory accesses of shaders, by instrumenting them; slow
};

/// What a program that wants validation asks for: full, or gpuAssisted where the environment variable
/// SACCADE_VALIDATION is "gpu". Throws DeviceError where it is anything else.
Validation wantedValidation();

class Instance {
public:
    /// Vulkan 1.1 or, where the loader has it, up to 1.3; lists portability drivers too. Throws DeviceError, above all
    /// where the validation layer is wanted and not installed: a check that is silently left out would pass.
    /// With debugNames VK_EXT_debug_utils is enabled without the layer too, where the loader has it.
    explicit Instance(Validation validation = Validation::off, bool debugNames = false);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    VkInstance handle() const { return handle_; }
    Validation validation() const { return validation_; }
    /// Whether the layer's GPU-assisted checks follow vkCmdPushDescriptorSetKHR. Layers before 1.3.250 take what it
    /// writes for unwritten and call each descriptor uninitialized (Vulkan-ValidationLayers, issue 5321); 1.4.309
    /// (Debian 13) checks a dispatch against descriptors that were pushed for another.
    bool followsPushDescriptors() const {
        return layerVersion_ >= VK_MAKE_API_VERSION(0, 1, 3, 250) && layerVersion_ != VK_MAKE_API_VERSION(0, 1, 4, 309);
    }
    /// Whether VK_EXT_debug_utils is enabled.
    bool debugUtils() const { return debugUtils_; }

    /// Warnings and errors of the validation layer so far, and forgets them. Empty means that nothing was wrong with
    /// what has been called; what only the end of an object's life shows comes after that.
    std::vector<std::string> takeMessages();

    /// Called by the messenger, from any thread.
    void addMessage(std::string message);

private:
    void createMessenger(const VkDebugUtilsMessengerCreateInfoEXT& info);

    VkInstance handle_ = VK_NULL_HANDLE;
    VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
    Validation validation_;
    uint32_t layerVersion_ = 0;
    bool debugUtils_ = false;
    std::mutex mutex_;
    std::vector<std::string> messages_;
};

} // namespace saccade::host
