// SPDX-License-Identifier: Apache-2.0
// saccade bench: times of upstream's README examples and of what they are made of.
#include <cstdio>
#include <fstream>

#include "bench_case.hpp"
#include "bench_measure.hpp"
#include "bench_ops.hpp"
#include "bench_options.hpp"
#include "bench_record.hpp"
#include "bench_start.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "host/errors.hpp"
#include "settings.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

std::vector<SacPositionBiasMode> biases(const std::string& name) {
    if (name == "both")
        return {SAC_POSITION_BIAS_MODE_EXACT, SAC_POSITION_BIAS_MODE_TABLE};
    return {positionBiasOf(name)};
}

std::vector<BenchCase> chosenHostCases(const BenchOptions& options) {
    if (options.which.empty() || options.which == "all")
        return hostCases();
    return {deformableCase(static_cast<uint32_t>(options.which[0] - '0'))};
}

class Bench {
public:
    Bench(const BenchOptions& options, Workbench& workbench) : options_(options), workbench_(workbench) {
        const host::PhysicalDevice& device = workbench.device().physical();
        report_ = {{"device", device.properties.deviceName},
                   {"device_type", host::deviceTypeName(device.properties.deviceType)},
                   {"driver", device.driver}};
        std::printf("%s, %s\n", device.properties.deviceName, device.driver.c_str());
    }

    void examples() {
        std::vector<Measurement> measurements;
        for (uint32_t dims = 1; dims <= 3; ++dims)
            if (options_.which.empty() || options_.which == "all" || options_.which == std::to_string(dims) + "d")
                for (const SacPositionBiasMode bias : biases(options_.bias))
                    add(measurements, deformableCase(dims), bias);
        std::printf("\nDeformable attention, the examples of upstream's README\n");
        printMeasurements(measurements);
        keep("examples", measurements);
    }

    void scaling() {
        std::vector<Measurement> measurements;
        const SacPositionBiasMode bias =
            options_.bias == "both" ? SAC_POSITION_BIAS_MODE_TABLE : positionBiasOf(options_.bias);
        for (const uint64_t size : {32, 64, 128})
            add(measurements, deformableCase2d(size), bias);
        std::printf("\nCost against queries and keys, 2D example\n");
        printScaling(measurements);
        keep("scaling", measurements);
    }

    void relatives() {
        std::vector<Measurement> measurements;
        for (const BenchCase& benchCase : relativeCases())
            add(measurements, benchCase, SAC_POSITION_BIAS_MODE_AUTO);
        std::printf("\nRelatives: Phenaki's transformer, DALL-E's attentions of 1024 and 4096 image tokens\n");
        printRelatives(measurements);
        keep("relatives", measurements);
    }

    void ops() {
        const std::vector<OpMeasurement> measurements = measureOps(workbench_.context(), options_.repeats);
        std::printf("\nKernels alone\n");
        printOps(measurements);
        for (const OpMeasurement& m : measurements)
            report_["ops"].push_back(toJson(m));
    }

    void record() {
        std::vector<RecordMeasurement> measurements;
        for (const BenchCase& benchCase : chosenHostCases(options_))
            attempt(benchCase.name, [&] {
                const std::vector<RecordMeasurement> more =
                    measureRecord(workbench_.device(), benchCase, options_.hostPlanOptions(), options_.threadCount(),
                                  options_.repeats);
                measurements.insert(measurements.end(), more.begin(), more.end());
            });
        std::printf("\nRecording: sacCmdRun on the CPU, and how much of it is the driver's\n");
        printRecords(measurements);
        for (const RecordMeasurement& m : measurements)
            report_["record"].push_back(toJson(m));
    }

    void start() {
        std::vector<StartMeasurement> measurements;
        const auto add = [&](const std::string& name, const std::vector<BenchCase>& cases, uint32_t threads) {
            attempt(name, [&] {
                measurements.push_back(measureStart(workbench_.device(), name, cases, options_.hostPlanOptions(),
                                                    threads, options_.repeats));
            });
        };
        const std::vector<BenchCase> cases = chosenHostCases(options_);
        for (const BenchCase& benchCase : cases)
            add(benchCase.name, {benchCase}, 1);
        if (cases.size() > 1)
            add("together", cases, 1);
        add("together", cases, options_.threadCount());
        std::printf("\nCreating plans, with an empty pipeline cache and with what it then holds\n");
        printStarts(measurements);
        for (const StartMeasurement& m : measurements)
            report_["start"].push_back(toJson(m));
    }

    const nlohmann::json& report() const { return report_; }
    /// Whether a case could not be measured.
    bool failed() const { return failed_; }

private:
    // One case that fails must not take the others' results with it.
    template <class Function>
    void attempt(const std::string& name, const Function& function) {
        try {
            function();
        } catch (const sac::Exception& error) {
            failed_ = true;
            std::fprintf(stderr, "%s: %s: %s\n", name.c_str(), sacResultString(error.result()), error.what());
        }
    }

    void add(std::vector<Measurement>& measurements, const BenchCase& benchCase, SacPositionBiasMode bias) {
        MeasureOptions options;
        options.bias = bias;
        options.precision = options_.precisionValue();
        options.tolerance = options_.tolerance;
        options.repeats = options_.repeats;
        attempt(benchCase.name, [&] { measurements.push_back(measure(workbench_.context(), benchCase, options)); });
    }

    void keep(const char* section, const std::vector<Measurement>& measurements) {
        report_[section] = nlohmann::json::array();
        for (const Measurement& m : measurements)
            report_[section].push_back(toJson(m));
    }

    const BenchOptions& options_;
    Workbench& workbench_;
    nlohmann::json report_;
    bool failed_ = false;
};

void writeJson(const std::string& path, const nlohmann::json& report) {
    std::ofstream file(path);
    file << report.dump(2) << '\n';
    file.close();
    if (!file)
        throw host::FileError(path + ": cannot be written");
}

int run(const BenchOptions& options) {
    if (options.start)
        disableDriverCaches();
    Workbench workbench(options.device);
    Bench bench(options, workbench);
    if (options.measuresExamples())
        bench.examples();
    if (options.scaling)
        bench.scaling();
    if (options.relatives)
        bench.relatives();
    if (options.ops)
        bench.ops();
    if (options.record)
        bench.record();
    if (options.start)
        bench.start();
    if (!options.json.empty())
        writeJson(options.json, bench.report());
    workbench.checkValidation();
    return bench.failed() ? exitDevice : exitOk;
}

} // namespace

Command addBenchCommand(CLI::App& app) {
    const auto options = std::make_shared<BenchOptions>();
    CLI::App* command = app.add_subcommand("bench", "Measure time, rates and memory of layers with random weights");
    options->addTo(*command);
    return {command, [options] { return run(*options); }};
}

} // namespace saccade::cli
