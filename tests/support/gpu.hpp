// SPDX-License-Identifier: Apache-2.0
// The Vulkan device that the tests of one program share, under the validation layer's eyes.
#pragma once

#include <gtest/gtest.h>
#include <saccade/saccade.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/device.hpp"
#include "host/instance.hpp"
#include "host/submitter.hpp"

namespace saccade::test {

/// Instance with core and synchronization validation, device and queue: made at the first call, ended after the last
/// test of the program, when the validation layer's last words are checked too. The device is SACCADE_DEVICE's; without
/// it the first CPU driver, so that results do not depend on what else a machine has; without one, the library's
/// choice. SACCADE_VALIDATION=gpu adds GPU-assisted validation, SACCADE_PROFILE narrows the device (host/profile.hpp).
class Gpu {
public:
    /// Throws host::DeviceError, above all where the validation layer is missing: the test fails then.
    static Gpu& get();

    host::Instance& instance() { return instance_; }
    const host::Device& device() const { return *device_; }
    host::Submitter& submitter() { return *submitter_; }

    /// Ends the device and fails for what the validation layer says of it then.
    ~Gpu();

private:
    Gpu();

    host::Instance instance_{host::wantedValidation()};
    std::optional<host::Device> device_;
    std::optional<host::Submitter> submitter_;
};

/// Fails the running test for every message the validation layer has had since the last call.
void expectNoValidationMessages();

/// A test on the shared device; at its end there are no validation messages.
class GpuTest : public ::testing::Test {
protected:
    void SetUp() override { Gpu::get(); }
    void TearDown() override { expectNoValidationMessages(); }

    static const host::Device& device() { return Gpu::get().device(); }
    /// Records, submits and waits. `record` must not throw: use EXPECT in it.
    static void submit(const std::function<void(VkCommandBuffer)>& record) { Gpu::get().submitter().run(record); }
};

using sac::Model;
using sac::Plan;

/// A context that keeps what it logs. That nothing keeps it from its end is checked.
class Context : public sac::Context {
public:
    /// `without`: features of the device that it is not told of.
    explicit Context(const host::Device& device, const VkAllocationCallbacks* allocator = nullptr,
                     SacFeatureFlags without = 0);
    /// Without a device.
    explicit Context(const SacDeviceProfile& profile);
    /// As `info` says, but for the log.
    explicit Context(const SacContextInfo& info) { create(info); }
    ~Context();
    Context(Context&&) = delete;

    /// What the library has logged, without the errors.
    const std::vector<std::string>& log() const { return log_; }
    /// Messages of calls that failed, and of destroying what is in use.
    const std::vector<std::string>& errors() const { return errors_; }

private:
    void create(const SacContextInfo& info);

    std::vector<std::string> log_, errors_;
};

} // namespace saccade::test
