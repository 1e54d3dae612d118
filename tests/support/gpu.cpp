// SPDX-License-Identifier: Apache-2.0
#include "support/gpu.hpp"

#include <cstdlib>
#include <memory>

#if defined(__linux__)
#include <dlfcn.h>
#include <link.h>
#endif

#include "host/errors.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SACCADE_LEAKS_ARE_CHECKED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SACCADE_LEAKS_ARE_CHECKED
#endif

#if defined(SACCADE_LEAKS_ARE_CHECKED)
// The validation layer of Debian 12 (1.3.239) keeps up to 5 KiB of each command buffer in a cycle of shared pointers,
// freed or not; later layers do not, and without a layer nothing is left.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libVkLayer_khronos_validation"; }
#endif

namespace saccade::test {

namespace {

std::unique_ptr<Gpu> theGpu;

// What the layer says of objects that were never destroyed comes with the device's end: within the test program's
// verdict, so before main returns.
class GpuEnvironment : public ::testing::Environment {
public:
    void TearDown() override { theGpu.reset(); }
};
[[maybe_unused]] const ::testing::Environment* const environment =
    ::testing::AddGlobalTestEnvironment(new GpuEnvironment);

host::PhysicalDevice testDevice(const host::Instance& instance) {
    if (!std::getenv("SACCADE_DEVICE"))
        for (const host::PhysicalDevice& device : host::listDevices(instance))
            if (device.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU && device.support.supported)
                return device;
    return host::chooseDevice(instance);
}

// Holds every library that is loaded now, drivers and layers above all: what they keep in globals to the end of the
// process would be leaks once they are unloaded with the last instance, and reports would not name them.
void keepLibrariesLoaded() {
#if defined(__linux__)
    dl_iterate_phdr(
        [](dl_phdr_info* library, size_t, void*) {
            if (library->dlpi_name && library->dlpi_name[0])
                dlopen(library->dlpi_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
            return 0;
        },
        nullptr);
#endif
}

void failFor(host::Instance& instance) {
    for (const std::string& message : instance.takeMessages())
        ADD_FAILURE() << "validation: " << message;
}

} // namespace

Gpu::Gpu() {
    device_.emplace(instance_, testDevice(instance_));
    submitter_.emplace(*device_);
    keepLibrariesLoaded();
}

Gpu::~Gpu() {
    submitter_.reset();
    device_.reset();
    failFor(instance_);
}

Gpu& Gpu::get() {
    if (!theGpu)
        theGpu.reset(new Gpu);
    return *theGpu;
}

void expectNoValidationMessages() {
    if (theGpu)
        failFor(theGpu->instance());
}

Context::Context(const host::Device& device, const VkAllocationCallbacks* allocator, SacFeatureFlags without) {
    SacContextInfo info = host::contextInfo(device);
    info.enabledFeatures &= ~without;
    SacDeviceProfile profile{};
    if (info.profile) {
        profile = *info.profile;
        profile.pushDescriptors &= (info.enabledFeatures & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
        profile.storageBuffer16BitAccess &= (info.enabledFeatures & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
        profile.shaderStorageImageWriteWithoutFormat &=
            (info.enabledFeatures & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT) != 0;
        info.profile = &profile;
    }
    info.allocator = allocator;
    create(info);
}

Context::Context(const SacDeviceProfile& profile) {
    SacContextInfo info = sac::make<SacContextInfo>();
    info.profile = &profile;
    create(info);
}

void Context::create(const SacContextInfo& info) {
    sac::Context::operator=(sac::Context(info, [this](SacLogSeverity severity, const char* message) {
        (severity == SAC_LOG_ERROR ? errors_ : log_).push_back(message);
    }));
}

Context::~Context() {
    errors_.clear();
    reset();
    EXPECT_EQ(errors_, std::vector<std::string>{});
}

} // namespace saccade::test
