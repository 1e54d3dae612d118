// SPDX-License-Identifier: Apache-2.0
// Kernels on the test device without a module around them.
#pragma once

#include <initializer_list>
#include <vector>

#include "base/data_type.hpp"
#include "base/memory.hpp"
#include "kernels/kernel.hpp"
#include "record/pipelines.hpp"
#include "support/gpu.hpp"
#include "vulkan/device.hpp"

namespace saccade::test {

/// A kernel's operand: numbers of `type` (f32, f16, u8 or i32), rounded to it on their way to the device.
struct Operand {
    explicit Operand(std::vector<double> values = {}, DataType type = DataType::f32)
        : type(type), values(std::move(values)) {}
    /// `count` times `fill`.
    Operand(std::size_t count, double fill, DataType type = DataType::f32) : type(type), values(count, fill) {}

    DataType type;
    std::vector<double> values;
};

/// `value` as a tensor of `type` (f32 or f16) holds it.
double rounded(double value, DataType type);

/// What an array that was never written holds: far from any result, exact in both float types.
constexpr double untouched = -20480;

/// ||result - expected|| / ||expected||, as reference::relativeError.
double relativeError(const std::vector<double>& result, const std::vector<double>& expected);

class KernelTest : public GpuTest {
protected:
    KernelTest();

    const DeviceProfile& profile() const { return device_.profile; }
    /// The test device's, but for a GPU's mapping: what a CPU driver is spared (staging in shared memory, barriers).
    DeviceProfile gpuProfile() const;

    /// Runs the kernel over `operands`, null for one that the description switched off, and reads all of them back.
    /// Scratch is NaN before. Fails the test for a write behind an operand or one to an operand that is read only.
    /// An operand given twice is one buffer.
    void run(const Kernel& kernel, const std::vector<Operand*>& operands);

    HostMemory memory_{nullptr};
    Device device_{&memory_};

private:
    std::unique_ptr<PipelineLibrary> pipelines_;
};

} // namespace saccade::test
