// SPDX-License-Identifier: Apache-2.0
// What `saccade bench` is asked for.
#pragma once

#include <string>

#include "settings.hpp"

namespace saccade::cli {

struct BenchOptions {
    DeviceSettings device;
    std::string which; ///< empty: all, unless another section is asked for
    std::string bias = "both";
    std::string precision = "f32";
    std::string json;
    float tolerance = 0;
    uint32_t repeats = 0; ///< 0: the section's own
    uint32_t threads = 0;
    bool scaling = false;
    bool ops = false;
    bool relatives = false;
    bool record = false;
    bool start = false;

    void addTo(CLI::App& command);

    /// `which` means the examples, except where a section of the CPU's work is asked for, which then is about it.
    bool measuresExamples() const;
    /// Of sections that measure one thread and several: at least two.
    uint32_t threadCount() const;
    SacPrecision precisionValue() const;
    /// For sections of the CPU's work: one bias, by default what a plan has that does not ask for any.
    host::PlanOptions hostPlanOptions() const;
};

} // namespace saccade::cli
