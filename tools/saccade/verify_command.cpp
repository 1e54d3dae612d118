// SPDX-License-Identifier: Apache-2.0
// saccade verify: models against the reference results in their own files.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "host/golden_case.hpp"
#include "settings.hpp"
#include "table_fallback.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

struct VerifyOptions {
    std::vector<std::string> files;
    DeviceSettings device;
    PlanSettings plan;
};

std::string shortName(const std::string& path) { return std::filesystem::path(path).stem().string(); }

std::vector<host::Comparison> verify(const std::string& path, const PlanSettings& settings,
                                     const host::Context& context) {
    const host::GoldenCase golden(path);
    if (golden.references.empty())
        throw std::invalid_argument("the file has no reference results (out.*)");
    Progress progress(shortName(path));
    host::PlanOptions options = settings.planOptions(progress);
    options.outputs = host::outputsLike(golden.references);
    host::TensorMap inputs = golden.inputs;
    const host::ModelSource source = settings.source(golden.file, inputs);
    const auto made = makeRunner(context, shortName(path), source, inputs, options);
    host::ModelRunner& runner = *made;
    runner.submitter().onWait([&progress] { progress.update("waiting for the device"); });
    runner.upload();
    runner.run();
    return host::compare(golden, runner.model().module(), runner.plan(), runner.outputs());
}

int run(VerifyOptions& options) {
    options.plan.separateFiles(options.files);
    if (options.files.empty())
        throw CLI::ValidationError("FILE", "is required");
    options.plan.model.given(); // what is wrong with these options is usage, and not a failure of each file

    std::size_t width = 4;
    for (const std::string& path : options.files)
        width = std::max(width, shortName(path).size());
    const int nameWidth = static_cast<int>(width);

    Workbench bench(options.device);
    std::printf("%-*s  %-18s  %-24s  %10s  %9s\n", nameWidth, "file", "result", "shape", "error", "tolerance");
    std::size_t wrong = 0;
    std::size_t results = 0;
    int code = exitOk;
    // Row by row as they come: that is the progress of this command.
    for (const std::string& path : options.files) {
        const std::string name = shortName(path);
        try {
            for (const host::Comparison& c : verify(path, options.plan, bench.context())) {
                std::printf("%-*s  %-18s  %-24s  %10.2e  %9.0e  %s\n", nameWidth, name.c_str(), c.output.c_str(),
                            host::shapeText(c.shape).c_str(), c.error, c.tolerance,
                            c.rounded ? "ok: rounds to it"
                            : c.ok    ? "ok"
                                      : "WRONG");
                ++results;
                wrong += c.ok ? 0 : 1;
            }
        } catch (...) {
            const Failure failure = currentFailure();
            std::printf("%-*s  FAILED\n", nameWidth, name.c_str());
            std::fflush(stdout);
            // A file error names its file already.
            const bool named = failure.message.compare(0, path.size(), path) == 0;
            std::fprintf(stderr, "%s%s%s\n", named ? "" : path.c_str(), named ? "" : ": ", failure.message.c_str());
            if (code == exitOk)
                code = failure.code;
        }
        std::fflush(stdout);
    }
    std::printf("%zu files, %zu results, %zu out of tolerance, on %s\n", options.files.size(), results, wrong,
                bench.device().name());
    bench.checkValidation();
    if (code == exitOk && wrong > 0)
        code = exitOutOfTolerance;
    return code;
}

} // namespace

Command addVerifyCommand(CLI::App& app) {
    const auto options = std::make_shared<VerifyOptions>();
    CLI::App* command = app.add_subcommand("verify", "Run models on the inputs in their files and compare the results");
    command->add_option("FILE", options->files, "Golden cases: safetensors files with w.*, in.* and out.*")
        ->type_name("");
    command->footer(
        "error is ||result - reference|| / ||reference||. Tolerances: 1e-5; deformable attention 5e-5, with\n"
        "the bias from a table 2e-4; 5e-3 with --precision f16; 1e-3 for ONNX cases of halves. NaN never\n"
        "passes. A file that cannot be run fails by itself, the others go on; its exit code comes before 1.");
    options->device.addTo(*command);
    options->plan.addTo(*command);
    return {command, [options] { return run(*options); }};
}

} // namespace saccade::cli
