// SPDX-License-Identifier: Apache-2.0
// saccade run: a model on its inputs.
#include <cmath>
#include <cstdio>

#include "commands.hpp"
#include "exit_code.hpp"
#include "host/errors.hpp"
#include "host/golden_case.hpp"
#include "host/tensor_file.hpp"
#include "settings.hpp"
#include "stage_times.hpp"
#include "table_fallback.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

struct RunOptions {
    std::vector<std::string> files;
    std::string input;
    std::string output;
    std::vector<std::string> results;
    bool times = false, warmUp = false;
    uint32_t repeats = 5;
    std::vector<std::string> dump;
    std::string dumpFile;
    DeviceSettings device;
    PlanSettings plan;
};

std::string statistics(const host::Tensor& tensor) {
    double squares = 0;
    std::size_t nonFinite = 0;
    const std::vector<double> numbers = host::toNumbers(tensor);
    for (const double number : numbers) {
        if (std::isfinite(number))
            squares += number * number;
        else
            ++nonFinite;
    }
    std::string text = format("%.6g", std::sqrt(squares / static_cast<double>(numbers.empty() ? 1 : numbers.size())));
    return nonFinite ? text + format(", %zu not finite", nonFinite) : text;
}

std::string milliseconds(const host::Timing& timing) {
    return std::isnan(timing.gpuMilliseconds) ? format("%.3f ms (host's clock)", timing.hostMilliseconds)
                                              : format("%.3f ms", timing.gpuMilliseconds);
}

// Intermediates of the last run to a file.
void dump(host::ModelRunner& runner, const RunOptions& options) {
    const bool all = options.dump == std::vector<std::string>{"all"};
    const std::vector<std::byte> contents = runner.contents(SAC_MEMORY_WORKSPACE);
    const std::vector<std::byte> file = runner.plan().writeMemoryParts(
        SAC_MEMORY_WORKSPACE, contents.data(), contents.size(), all ? std::vector<std::string>{} : options.dump);
    host::writeFile(options.dumpFile, file);
}

int run(RunOptions& options) {
    const std::string& path = options.plan.onlyFile(options.files);
    const host::GoldenCase model(path);
    host::TensorMap inputs = options.input.empty() ? model.inputs : host::readInputs(options.input);
    const host::ModelSource source = options.plan.source(model.file, inputs);

    Workbench bench(options.device);
    Progress progress(model.file.name());
    host::PlanOptions planOptions = options.plan.planOptions(progress);
    planOptions.outputs = host::outputsLike(model.references);
    if (!options.results.empty()) {
        planOptions.outputs.clear();
        for (const std::string& result : options.results)
            planOptions.outputs.push_back({result});
    }

    if (!options.dump.empty())
        planOptions.flags |= SAC_PLAN_NO_ALIASING_BIT;

    const auto made = makeRunner(bench.context(), model.file.name(), source, inputs, planOptions);
    host::ModelRunner& runner = *made;
    runner.submitter().onWait([&progress] { progress.update("waiting for the device"); });
    const host::Timing upload = runner.upload();
    const std::string warmUp = options.warmUp ? ", warm-up " + milliseconds(runner.warmUp()) : "";
    const host::Timing timing = runner.run();
    const host::TensorMap outputs = runner.outputs();
    if (!options.dump.empty())
        dump(runner, options);
    progress.clear();

    std::printf("%s on %s: first run %s, upload %s%s\n", runner.model().module(), bench.device().name(),
                milliseconds(timing).c_str(), milliseconds(upload).c_str(), warmUp.c_str());
    std::printf("weights %s, tables %s, workspace %s, state %s, %u dispatches\n",
                bytesText(runner.memorySize(SAC_MEMORY_WEIGHTS)).c_str(),
                bytesText(runner.memorySize(SAC_MEMORY_TABLES)).c_str(),
                bytesText(runner.memorySize(SAC_MEMORY_WORKSPACE)).c_str(),
                bytesText(runner.memorySize(SAC_MEMORY_STATE)).c_str(), runner.properties().dispatchCount);
    TextTable table({"result", "type", "shape", "rms"});
    table.leftColumns(3);
    for (const auto& [name, tensor] : outputs)
        table.add({name, dataTypeName(tensor.type), host::shapeText(tensor.shape), statistics(tensor)});
    table.print();
    if (options.times)
        printStageTimes(bench.device(), runner, options.repeats, progress);

    if (!options.output.empty())
        host::writeTensors(options.output, outputs, {{"module", runner.model().module()}});
    bench.checkValidation();
    return exitOk;
}

} // namespace

Command addRunCommand(CLI::App& app) {
    const auto options = std::make_shared<RunOptions>();
    CLI::App* command = app.add_subcommand("run", "Run a model on its inputs");
    command->add_option("FILE", options->files, "Model file; inputs may lie in it as in.*")
        ->type_name("")
        ->expected(0, 1);
    command->add_option("--input", options->input, "Take the inputs from this safetensors file")->type_name("FILE");
    command->add_option("--output", options->output, "Write the results to this safetensors file, by their names")
        ->type_name("FILE");
    command
        ->add_option("--result", options->results,
                     "Results to compute; default: those the file has as out.*, else the main one")
        ->type_name("NAME")
        ->delimiter(',');
    command->add_flag("--warm-up", options->warmUp,
                      "Submit a run of no workgroups first, for drivers that compile at the first execution");
    CLI::Option* times =
        command->add_flag("--times", options->times, "Run again and print each stage's time, the median of --repeats");
    command->add_option("--repeats", options->repeats, "Runs that --times takes the median of; default 5")
        ->check(CLI::Range(1u, 10000u).description(""))
        ->type_name("N")
        ->needs(times);
    CLI::Option* names =
        command
            ->add_option("--dump", options->dump,
                         "Intermediates to write to --dump-file, as info lists them in the workspace; all: each of "
                         "them. They get memory of their own then")
            ->type_name("NAME")
            ->delimiter(',');
    CLI::Option* dumpFile =
        command->add_option("--dump-file", options->dumpFile, "Where --dump writes; safetensors")->type_name("FILE");
    names->needs(dumpFile);
    dumpFile->needs(names);
    options->device.addTo(*command);
    options->plan.addTo(*command);
    return {command, [options] { return run(*options); }};
}

} // namespace saccade::cli
