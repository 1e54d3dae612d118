// SPDX-License-Identifier: Apache-2.0
// saccade devices: the Vulkan devices and what the library can use of each.
#include <cstdio>
#include <iterator>

#include "commands.hpp"
#include "exit_code.hpp"
#include "host/device.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

std::string extensionsText(const SacDeviceSupport& support) {
    std::string text = "extensions to enable:";
    for (uint32_t i = 0; i < support.extensionCount; ++i)
        text += std::string(" ") + support.extensions[i];
    return support.extensionCount ? text : text + " none";
}

std::string axesText(const uint32_t (&axes)[3]) { return format("%u x %u x %u", axes[0], axes[1], axes[2]); }

// The bits of VkSubgroupFeatureFlagBits by their names.
std::string subgroupText(const SacDeviceProfile& profile) {
    static constexpr const char* names[] = {"basic",   "vote",     "arithmetic", "ballot",
                                            "shuffle", "relative", "clustered",  "quad"};
    std::string text;
    for (std::size_t bit = 0; bit < std::size(names); ++bit)
        if (profile.subgroupOperations >> bit & 1)
            text += std::string(text.empty() ? "" : " ") + names[bit];
    return format("%u invocations, %s", profile.subgroupSize, text.empty() ? "no operations" : text.c_str());
}

std::string matrixText(const SacDeviceProfile& profile) {
    std::string text;
    for (uint32_t i = 0; i < profile.matrixShapeCount; ++i) {
        const SacMatrixShape& shape = profile.matrixShapes[i];
        text += format("%s%ux%ux%u to %s", i ? ", " : "", shape.m, shape.n, shape.k,
                       shape.float32Result ? "float32" : "float16");
    }
    return text.empty() ? "none" : text;
}

// Everything that a plan depends on.
void printProfile(const SacDeviceProfile& profile) {
    const auto line = [](const char* name, const std::string& text) {
        std::printf("   %-18s %s\n", name, text.c_str());
    };
    line("kernels for a", profile.kind == SAC_DEVICE_KIND_CPU ? "cpu" : "gpu");
    line("vendor", format("0x%04x", profile.vendorID));
    line("subgroup", subgroupText(profile));
    line("workgroup", format("%u invocations, ", profile.maxComputeWorkGroupInvocations) +
                          axesText(profile.maxComputeWorkGroupSize) + ", " +
                          bytesText(profile.maxComputeSharedMemorySize) + " shared");
    line("dispatch", axesText(profile.maxComputeWorkGroupCount) + " workgroups");
    line("storage buffers", format("%u in a dispatch, up to ", profile.maxPerStageDescriptorStorageBuffers) +
                                bytesText(profile.maxStorageBufferRange) +
                                format(", offsets multiples of %llu",
                                       static_cast<unsigned long long>(profile.minStorageBufferOffsetAlignment)));
    line("push constants", bytesText(profile.maxPushConstantsSize));
    line("push descriptors", profile.pushDescriptors ? "yes" : "no");
    line("16-bit storage", profile.storageBuffer16BitAccess ? "yes" : "no");
    line("images without format", profile.shaderStorageImageWriteWithoutFormat ? "yes" : "no");
    line("fp16 arithmetic", profile.shaderFloat16 ? "yes" : "no");
    line("float16 matrices", matrixText(profile));
}

int run() {
    const host::Instance instance;
    const std::vector<host::PhysicalDevice> devices = host::listDevices(instance);
    for (const host::PhysicalDevice& device : devices) {
        const uint32_t version = device.properties.apiVersion;
        std::printf("%u: %s (%s)\n", device.index, device.properties.deviceName,
                    host::deviceTypeName(device.properties.deviceType));
        std::printf("   Vulkan %u.%u.%u%s%s\n", VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
                    VK_API_VERSION_PATCH(version), device.driver.empty() ? "" : ", ", device.driver.c_str());
        if (!device.support.supported) {
            std::printf("   not supported: %s\n", device.support.reason);
            continue;
        }
        std::printf("   %s\n", extensionsText(device.support).c_str());
        printProfile(device.support.profile);
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
