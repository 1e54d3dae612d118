// SPDX-License-Identifier: Apache-2.0
// Options that several subcommands share, and the device they ask for.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "host/model_runner.hpp"
#include "layout_settings.hpp"
#include "model_settings.hpp"
#include "progress.hpp"

namespace saccade::cli {

struct DeviceSettings {
    std::string device;
    std::string profile;
    bool validation = false;
    bool debugNames = false;
    bool verbose = false;

    void addTo(CLI::App& app);
};

struct PlanSettings {
    ModelSettings model;
    LayoutSettings layout;
    std::string bias = "exact";
    std::string precision = "f32";
    float tolerance = 0;
    std::vector<std::string> arguments;

    void addTo(CLI::App& app);

    /// Moves what lists of assignments have taken for one of theirs to `files`.
    void separateFiles(std::vector<std::string>& files);

    /// separateFiles, and the one that is left. Throws CLI::ValidationError where there is none or another.
    const std::string& onlyFile(std::vector<std::string>& files);

    /// What to make the file's model of; adds to its inputs what options build. `file` outlives it. Throws
    /// CLI::ValidationError, host::FileError and sac::Exception.
    host::ModelSource source(const host::TensorFile& file, host::TensorMap& inputs) const;

    host::PlanOptions planOptions(Progress& progress) const;
};

/// Of "exact", "table" or "auto".
SacPositionBiasMode positionBiasOf(const std::string& name);

/// Instance, device and context of one command. The library's warnings go to stderr.
class Workbench {
public:
    explicit Workbench(const DeviceSettings& settings);

    host::Device& device() { return device_; }
    const host::Context& context() const { return context_; }

    /// Prints what the validation layer has found; throws host::DeviceError if it found anything.
    void checkValidation();

private:
    host::Instance instance_;
    host::Device device_;
    host::Context context_;
};

} // namespace saccade::cli
