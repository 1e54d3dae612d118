// saccade devices: the Vulkan devices and what the library can use of each.
#include <cstdio>

#include "commands.hpp"
#include "exit_code.hpp"
#include "host/device.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

std::string featuresText(const SacDeviceSupport& support) {
    std::string text;
    if (support.features & SAC_FEATURE_PUSH_DESCRIPTOR_BIT)
        text += "push descriptors, ";
    if (support.features & SAC_FEATURE_STORAGE_16BIT_BIT)
        text += "16-bit storage, ";
    text += "extensions to enable:";
    for (uint32_t i = 0; i < support.extensionCount; ++i)
        text += std::string(" ") + support.extensions[i];
    return support.extensionCount ? text : text + " none";
}

int run() {
    const host::Instance instance;
    const std::vector<host::PhysicalDevice> devices = host::listDevices(instance);
    for (const host::PhysicalDevice& device : devices) {
        const VkPhysicalDeviceLimits& limits = device.properties.limits;
        const uint32_t version = device.properties.apiVersion;
        std::printf("%u: %s (%s)\n", device.index, device.properties.deviceName,
                    host::deviceTypeName(device.properties.deviceType));
        std::printf("   Vulkan %u.%u.%u%s%s\n", VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
                    VK_API_VERSION_PATCH(version), device.driver.empty() ? "" : ", ", device.driver.c_str());
        if (!device.support.supported) {
            std::printf("   not supported: %s\n", device.support.reason);
            continue;
        }
        std::printf("   %s\n", featuresText(device.support).c_str());
        std::printf("   storage buffers up to %s, offsets multiples of %llu, %s shared, %u invocations a workgroup\n",
                    bytesText(limits.maxStorageBufferRange).c_str(),
                    static_cast<unsigned long long>(limits.minStorageBufferOffsetAlignment),
                    bytesText(limits.maxComputeSharedMemorySize).c_str(), limits.maxComputeWorkGroupInvocations);
    }
    const host::PhysicalDevice chosen = host::chooseDevice(instance);
    std::printf("default: %u\n", chosen.index);
    return exitOk;
}

} // namespace

Command addDevicesCommand(CLI::App& app) {
    CLI::App* command = app.add_subcommand("devices", "List the Vulkan devices and what the library can use of them");
    return {command, run};
}

} // namespace saccade::cli
