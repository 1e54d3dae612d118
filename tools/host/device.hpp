// SPDX-License-Identifier: Apache-2.0
// Physical devices and the choice among them; a logical device made as the library advises.
#pragma once

#include <saccade/saccade.hpp>
#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/instance.hpp"

namespace saccade::host {

struct PhysicalDevice {
    uint32_t index = 0; ///< in the order Vulkan lists them
    VkPhysicalDevice handle = VK_NULL_HANDLE;
    VkPhysicalDeviceProperties properties{};
    std::string driver;         ///< name and version as the driver spells them; empty below Vulkan 1.2
    SacDeviceSupport support{}; ///< what sacQueryDevice says
};

/// "discrete", "integrated", "virtual", "cpu" or "other".
const char* deviceTypeName(VkPhysicalDeviceType type);

std::vector<PhysicalDevice> listDevices(const Instance& instance);

/// The device of `selector`: its index, its type ("cpu", "discrete", ...), or a part of its name in any case. Empty:
/// the environment variable SACCADE_DEVICE in the same form, and without it the first supported device in the order
/// discrete, integrated, virtual, CPU. Throws DeviceError where no supported device fits.
PhysicalDevice chooseDevice(const Instance& instance, const std::string& selector = {});

/// What to leave out of what the device offers, as the library's other paths have to work as well; and what to begin
/// with.
struct DeviceOptions {
    bool pushDescriptors = true; ///< left out all the same where the validation layer cannot follow them
    bool storage16Bit = true;
    bool graphics = false;     ///< the queue also draws
    bool asyncCompute = false; ///< a second queue, of another family that computes and does not draw, if there is one
    std::string profile; ///< that contexts narrow the device to, see namedProfile; empty: SACCADE_PROFILE's, or none
    std::vector<std::byte> pipelineCacheData; ///< of an earlier device of the same driver; empty: an empty cache
};

/// A logical device with one queue of a family that computes, or two. One thread at a time uses a queue.
class Device {
public:
    /// Throws DeviceError.
    explicit Device(Instance& instance, const PhysicalDevice& physical, const DeviceOptions& options = {});
    /// chooseDevice with `selector`.
    explicit Device(Instance& instance, const std::string& selector = {}, const DeviceOptions& options = {})
        : Device(instance, chooseDevice(instance, selector), options) {}
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    Instance& instance() const { return instance_; }
    const PhysicalDevice& physical() const { return physical_; }
    const char* name() const { return physical_.properties.deviceName; }
    VkDevice handle() const { return handle_; }
    VkQueue queue() const { return queue_; }
    uint32_t queueFamily() const { return queueFamily_; }
    /// The queue of DeviceOptions::asyncCompute; null where there is none.
    VkQueue asyncQueue() const { return asyncQueue_; }
    uint32_t asyncQueueFamily() const { return asyncQueueFamily_; }
    VkPipelineCache pipelineCache() const { return pipelineCache_; }
    /// What DeviceOptions::pipelineCacheData of the next device takes. Throws DeviceError.
    std::vector<std::byte> pipelineCacheData() const;
    /// What was enabled, for sacCreateContext.
    SacFeatureFlags features() const { return features_; }
    /// What contexts are to take the device for; null: for what it is.
    const SacDeviceProfile* profile() const { return profile_ ? &*profile_ : nullptr; }
    /// Bits of a timestamp on this queue; 0: none.
    uint32_t timestampBits() const { return timestampBits_; }
    /// The time between two timestamps of this queue.
    double milliseconds(uint64_t from, uint64_t to) const;

    /// A memory type among `typeBits` that has all of `required` and, if there is one, all of `preferred`.
    /// Throws DeviceError.
    uint32_t memoryType(uint32_t typeBits, VkMemoryPropertyFlags required, VkMemoryPropertyFlags preferred) const;

private:
    void chooseQueueFamilies(const DeviceOptions& options);
    void chooseProfile(const DeviceOptions& options);

    Instance& instance_;
    PhysicalDevice physical_;
    VkDevice handle_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE, asyncQueue_ = VK_NULL_HANDLE;
    VkPipelineCache pipelineCache_ = VK_NULL_HANDLE;
    VkPhysicalDeviceMemoryProperties memory_{};
    uint32_t queueFamily_ = VK_QUEUE_FAMILY_IGNORED, asyncQueueFamily_ = VK_QUEUE_FAMILY_IGNORED;
    uint32_t timestampBits_ = 0;
    SacFeatureFlags features_ = 0;
    std::optional<SacDeviceProfile> profile_;
};

/// For a sac::Context on `device`, with all that it has enabled. Points to its profile. `load`: where the library gets
/// its Vulkan functions from.
SacContextInfo contextInfo(const Device& device, PFN_vkGetInstanceProcAddr load = vkGetInstanceProcAddr);

/// A context and its device.
class Context : public sac::Context {
public:
    explicit Context(const Device& device, sac::LogFunction log = {},
                     PFN_vkGetInstanceProcAddr load = vkGetInstanceProcAddr)
        : sac::Context(contextInfo(device, load), std::move(log)), device_(device) {}

    const Device& device() const { return device_; }

private:
    const Device& device_;
};

} // namespace saccade::host
