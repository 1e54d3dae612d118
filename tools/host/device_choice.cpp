// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "host/device.hpp"
#include "host/errors.hpp"

namespace saccade::host {

namespace {

// In the order of preference.
constexpr std::array deviceTypes = {
    VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU,
    VK_PHYSICAL_DEVICE_TYPE_CPU,          VK_PHYSICAL_DEVICE_TYPE_OTHER,
};

std::string lowerCase(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

bool isIndex(const std::string& selector, uint32_t& index) {
    const char* end = selector.data() + selector.size();
    const auto parsed = std::from_chars(selector.data(), end, index);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

bool matches(const PhysicalDevice& device, const std::string& selector) {
    uint32_t index = 0;
    if (isIndex(selector, index))
        return device.index == index;
    const std::string wanted = lowerCase(selector);
    return wanted == deviceTypeName(device.properties.deviceType) ||
           lowerCase(device.properties.deviceName).find(wanted) != std::string::npos;
}

PhysicalDevice describe(const Instance& instance, VkPhysicalDevice handle, uint32_t index) {
    PhysicalDevice device;
    device.index = index;
    device.handle = handle;
    vkGetPhysicalDeviceProperties(handle, &device.properties);

    if (device.properties.apiVersion >= VK_API_VERSION_1_2) {
        VkPhysicalDeviceDriverProperties driver{};
        driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
        VkPhysicalDeviceProperties2 properties{};
        properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
        properties.pNext = &driver;
        vkGetPhysicalDeviceProperties2(handle, &properties);
        device.driver = std::string(driver.driverName) + (driver.driverInfo[0] ? " " : "") + driver.driverInfo;
    }

    device.support = sac::queryDevice(vkGetInstanceProcAddr, instance.handle(), handle);
    return device;
}

std::string describeAll(const std::vector<PhysicalDevice>& devices) {
    std::string text;
    for (const PhysicalDevice& device : devices) {
        text += "\n  " + std::to_string(device.index) + ": " + device.properties.deviceName + " (" +
                deviceTypeName(device.properties.deviceType) + ")";
        if (!device.support.supported)
            text += std::string(", not supported: ") + device.support.reason;
    }
    return text.empty() ? "\n  none: is a Vulkan driver installed? (Debian, Ubuntu: mesa-vulkan-drivers)" : text;
}

} // namespace

const char* deviceTypeName(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return "cpu";
    default:
        return "other";
    }
}

std::vector<PhysicalDevice> listDevices(const Instance& instance) {
    uint32_t count = 0;
    checkVulkan(vkEnumeratePhysicalDevices(instance.handle(), &count, nullptr), "vkEnumeratePhysicalDevices");
    std::vector<VkPhysicalDevice> handles(count);
    checkVulkan(vkEnumeratePhysicalDevices(instance.handle(), &count, handles.data()), "vkEnumeratePhysicalDevices");

    std::vector<PhysicalDevice> devices;
    for (uint32_t i = 0; i < count; ++i)
        devices.push_back(describe(instance, handles[i], i));
    return devices;
}

PhysicalDevice chooseDevice(const Instance& instance, const std::string& selector) {
    const char* environment = std::getenv("SACCADE_DEVICE");
    const std::string wanted = selector.empty() && environment ? environment : selector;

    const std::vector<PhysicalDevice> devices = listDevices(instance);
    for (const VkPhysicalDeviceType type : deviceTypes)
        for (const PhysicalDevice& device : devices)
            if (device.properties.deviceType == type && device.support.supported &&
                (wanted.empty() || matches(device, wanted)))
                return device;
    throw DeviceError(
        (wanted.empty() ? "no supported device; there are:" : "no supported device is \"" + wanted + "\"; there are:") +
        describeAll(devices));
}

} // namespace saccade::host
