// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <cstdio>

#include "assignments.hpp"
#include "host/errors.hpp"

namespace saccade::cli {

namespace {

host::DeviceOptions optionsOf(const DeviceSettings& settings) {
    host::DeviceOptions options;
    options.profile = settings.profile;
    return options;
}

sac::LogFunction logTo(bool verbose) {
    return [verbose](SacLogSeverity severity, const char* message) {
        // The message of an error comes back with the exception, too.
        if (severity == SAC_LOG_WARNING || (severity == SAC_LOG_INFO && verbose))
            std::fprintf(stderr, "%s: %s\n", severity == SAC_LOG_INFO ? "info" : "warning", message);
    };
}

} // namespace

void DeviceSettings::addTo(CLI::App& app) {
    app.add_option("--device", device,
                   "Index, type (discrete, integrated, virtual, cpu) or part of the name; "
                   "default: SACCADE_DEVICE, else the fastest type there is")
        ->type_name("N|NAME");
    app.add_option("--profile", profile,
                   "What the device is taken for: cpu or gpu (the kernels of that kind), weak, minimum (Vulkan 1.1's "
                   "least), or a JSON file with members of SacDeviceProfile; default: SACCADE_PROFILE, else what it is")
        ->type_name("NAME|FILE");
    app.add_flag("--validation", validation,
                 "Run under the Khronos validation layer; its messages are failures. "
                 "SACCADE_VALIDATION=gpu in the environment adds its GPU-assisted checks");
    app.add_flag("--debug-names", debugNames,
                 "Give shaders, pipelines and stages names (VK_EXT_debug_utils), for profilers and layers");
    app.add_flag("-v,--verbose", verbose, "Also print what the library notes: table resolutions, fallbacks");
}

void PlanSettings::addTo(CLI::App& app) {
    model.addTo(app);
    layout.addTo(app);
    app.add_option("--bias", bias,
                   "Position bias of deformable attention: exact (default), or a table within the tolerance, and exact "
                   "where there is none: table says so, auto does not")
        ->check(CLI::IsMember({"exact", "table", "auto"}).description(""))
        ->type_name("exact|table|auto");
    app.add_option("--tolerance", tolerance,
                   "Largest rms error of the table, on the scale of the scores that enter the softmax; default 1e-4")
        ->check(CLI::Range(0.0, 1.0).description(""))

        ->type_name("X");
    app.add_option("--precision", precision, "Storage of weights and intermediates: f32 (default) or f16")
        ->check(CLI::IsMember({"f32", "f16"}).description(""))
        ->type_name("f32|f16");
    app.add_option("--argument", arguments, "Members of the forward arguments: --argument video_shape=2,3,4,4")
        ->type_name("KEY=VALUE");
}

void PlanSettings::separateFiles(std::vector<std::string>& files) {
    for (std::vector<std::string>* list : {&model.set, &layout.values, &arguments})
        cli::separateFiles(*list, files);
}

const std::string& PlanSettings::onlyFile(std::vector<std::string>& files) {
    separateFiles(files);
    if (files.empty())
        throw CLI::ValidationError("FILE", "is required");
    if (files.size() > 1)
        throw CLI::ValidationError("FILE", "one at a time; \"" + files[1] +
                                               "\" is another, or for --set, --layout or --argument no key=value");
    return files.front();
}

host::ModelSource PlanSettings::source(const host::TensorFile& file, host::TensorMap& inputs) const {
    layout.addInput(inputs, model.moduleOf(file), model.configOf(file));
    return model.source(file);
}

host::PlanOptions PlanSettings::planOptions(Progress& progress) const {
    host::PlanOptions options;
    if (!arguments.empty())
        options.options = parseAssignments(arguments, "--argument").dump();
    options.precision = precision == "f16" ? SAC_PRECISION_FLOAT16 : SAC_PRECISION_FLOAT32;
    options.positionBias.mode = positionBiasOf(bias);
    options.positionBias.tolerance = tolerance;
    options.progress = [&progress](uint32_t done, uint32_t total) {
        progress.update("making dispatch " + std::to_string(std::min(done + 1, total)) + " of " +
                        std::to_string(total));
        return true;
    };
    return options;
}

SacPositionBiasMode positionBiasOf(const std::string& name) {
    return name == "exact"   ? SAC_POSITION_BIAS_MODE_EXACT
           : name == "table" ? SAC_POSITION_BIAS_MODE_TABLE
                             : SAC_POSITION_BIAS_MODE_AUTO;
}

Workbench::Workbench(const DeviceSettings& settings)
    : instance_(settings.validation ? host::wantedValidation() : host::Validation::off, settings.debugNames),
      device_(instance_, settings.device, optionsOf(settings)), context_(device_, logTo(settings.verbose)) {}

void Workbench::checkValidation() {
    const std::vector<std::string> messages = instance_.takeMessages();
    for (const std::string& message : messages)
        std::fprintf(stderr, "validation: %s\n", message.c_str());
    if (!messages.empty())
        throw host::DeviceError("the validation layer has " + std::to_string(messages.size()) + " messages");
}

} // namespace saccade::cli
