// Options that several subcommands share, and the device they ask for.
#pragma once

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "host/library.hpp"
#include "progress.hpp"

namespace saccade::cli {

struct DeviceSettings {
    std::string device;
    std::string profile;
    bool validation = false;
    bool verbose = false;

    void addTo(CLI::App& app);
};

struct PlanSettings {
    std::string bias = "exact";
    std::string precision = "f32";
    float tolerance = 0;
    std::vector<std::string> set;
    std::vector<std::string> arguments;

    void addTo(CLI::App& app);

    /// "--set key=value file" reads as two values of --set: moves what is no assignment to `files`.
    void separateFiles(std::vector<std::string>& files);

    /// separateFiles, and the one that is left. Throws CLI::ValidationError where there is none or another.
    const std::string& onlyFile(std::vector<std::string>& files);

    /// The members that --set gives, as JSON; empty without any. Throws CLI::ValidationError.
    std::string config() const;

    host::PlanOptions planOptions(Progress& progress) const;
};

/// Of "exact", "table" or "auto".
SacPositionBias positionBiasOf(const std::string& name);

/// An object from texts of the form key=value. The value is JSON if it parses as that, an array where it is several
/// numbers with commas between them, and else a string. Throws CLI::ValidationError naming `option`.
nlohmann::json parseAssignments(const std::vector<std::string>& assignments, const std::string& option);

/// Instance, device and context of one command. The library's warnings go to stderr.
class Workbench {
public:
    explicit Workbench(const DeviceSettings& settings);

    host::Device& device() { return device_; }
    host::Context& context() { return context_; }

    /// Prints what the validation layer has found; throws host::DeviceError if it found anything.
    void checkValidation();

private:
    host::Instance instance_;
    host::Device device_;
    host::Context context_;
};

} // namespace saccade::cli
