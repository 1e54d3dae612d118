// saccade bench: times of upstream's README examples and of what they are made of.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <thread>

#include "bench_case.hpp"
#include "bench_measure.hpp"
#include "bench_ops.hpp"
#include "bench_record.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "host/errors.hpp"
#include "settings.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

constexpr uint32_t maxThreads = 64;

struct BenchOptions {
    DeviceSettings device;
    std::string which; ///< empty: all, unless another section is asked for
    std::string bias = "both";
    std::string precision = "f32";
    std::string json;
    float tolerance = 0;
    uint32_t repeats = 0;
    bool scaling = false;
    bool ops = false;
    bool relatives = false;
    bool record = false;
    uint32_t threads = 0;

    /// Whether a section is asked for that measures the CPU.
    bool measuresHost() const { return record; }
    bool measuresExamples() const {
        const bool others = scaling || ops || relatives || measuresHost();
        return !others || (!which.empty() && !measuresHost());
    }
};

/// At least two: one is measured anyway.
uint32_t threadCount(const BenchOptions& options) {
    return options.threads ? options.threads : std::clamp(std::thread::hardware_concurrency(), 2u, maxThreads);
}

std::vector<SacPositionBias> biases(const std::string& name) {
    if (name == "both")
        return {SAC_POSITION_BIAS_EXACT, SAC_POSITION_BIAS_TABLE};
    return {positionBiasOf(name)};
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
                for (const SacPositionBias bias : biases(options_.bias))
                    add(measurements, deformableCase(dims), bias);
        std::printf("\nDeformable attention, the examples of upstream's README\n");
        printMeasurements(measurements);
        keep("examples", measurements);
    }

    void scaling() {
        std::vector<Measurement> measurements;
        const SacPositionBias bias = options_.bias == "both" ? SAC_POSITION_BIAS_TABLE : positionBiasOf(options_.bias);
        for (const uint64_t size : {32, 64, 128})
            add(measurements, deformableCase2d(size), bias);
        std::printf("\nCost against queries and keys, 2D example\n");
        printScaling(measurements);
        keep("scaling", measurements);
    }

    void relatives() {
        std::vector<Measurement> measurements;
        for (const BenchCase& benchCase : relativeCases())
            add(measurements, benchCase, SAC_POSITION_BIAS_AUTO);
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
        for (const BenchCase& benchCase : chosenHostCases())
            attempt(benchCase.name, [&] {
                const std::vector<RecordMeasurement> more = measureRecord(
                    workbench_.device(), benchCase, hostPlanOptions(), threadCount(options_), options_.repeats);
                measurements.insert(measurements.end(), more.begin(), more.end());
            });
        std::printf("\nRecording: sacCmdRun on the CPU, and how much of it is the driver's\n");
        printRecords(measurements);
        for (const RecordMeasurement& m : measurements)
            report_["record"].push_back(toJson(m));
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
        } catch (const host::LibraryError& error) {
            failed_ = true;
            std::fprintf(stderr, "%s: %s: %s\n", name.c_str(), sacResultString(error.result()), error.what());
        }
    }

    void add(std::vector<Measurement>& measurements, const BenchCase& benchCase, SacPositionBias bias) {
        MeasureOptions options;
        options.bias = bias;
        options.precision = precision();
        options.tolerance = options_.tolerance;
        options.repeats = options_.repeats;
        attempt(benchCase.name, [&] { measurements.push_back(measure(workbench_.context(), benchCase, options)); });
    }

    std::vector<BenchCase> chosenHostCases() const {
        if (options_.which.empty() || options_.which == "all")
            return hostCases();
        return {deformableCase(static_cast<uint32_t>(options_.which[0] - '0'))};
    }

    // Of one bias, that of a plan which does not ask for any.
    host::PlanOptions hostPlanOptions() const {
        host::PlanOptions options;
        options.precision = precision();
        options.positionBias = options_.bias == "both" ? SAC_POSITION_BIAS_AUTO : positionBiasOf(options_.bias);
        options.positionBiasTolerance = options_.tolerance;
        return options;
    }

    SacPrecision precision() const {
        return options_.precision == "f16" ? SAC_PRECISION_FLOAT16 : SAC_PRECISION_FLOAT32;
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
    if (!options.json.empty())
        writeJson(options.json, bench.report());
    workbench.checkValidation();
    return bench.failed() ? exitDevice : exitOk;
}

} // namespace

Command addBenchCommand(CLI::App& app) {
    const auto options = std::make_shared<BenchOptions>();
    CLI::App* command = app.add_subcommand("bench", "Measure time, rates and memory of layers with random weights");
    command
        ->add_option("--case", options->which,
                     "README examples to measure: 1d, 2d, 3d, or all (default, unless another section is asked for)")
        ->check(CLI::IsMember({"1d", "2d", "3d", "all"}).description(""))
        ->type_name("1d|2d|3d|all");
    command->add_option("--bias", options->bias, "Position bias: exact, table, auto, or both of the first (default)")
        ->check(CLI::IsMember({"exact", "table", "auto", "both"}).description(""))
        ->type_name("exact|table|auto|both");
    command->add_option("--tolerance", options->tolerance, "Error the table may have, relative to the bias's rms")
        ->check(CLI::Range(0.0, 1.0).description(""))
        ->type_name("X");
    command->add_option("--precision", options->precision, "Storage of weights and intermediates: f32 (default) or f16")
        ->check(CLI::IsMember({"f32", "f16"}).description(""))
        ->type_name("f32|f16");
    command
        ->add_option("--repeats", options->repeats,
                     "Runs after the first; default: what three seconds allow, 3 to 100; --record: 1000")
        ->type_name("N");
    command->add_option("--json", options->json, "Also write everything to this file")->type_name("FILE");
    command->add_flag("--scaling", options->scaling, "The 2D example over 32x32, 64x64 and 128x128");
    command->add_flag("--relatives", options->relatives, "Phenaki's transformer and DALL-E's attentions");
    command->add_flag("--ops", options->ops, "The attention and matrix product kernels alone");
    CLI::Option* record =
        command->add_flag("--record", options->record, "What recording a run costs the CPU; --case is what to record");
    command
        ->add_option("--threads", options->threads,
                     "Threads of --record beside one; default: as many as the machine has")
        ->check(CLI::Range(2u, maxThreads).description(""))
        ->type_name("N");
    options->device.addTo(*command);
    record->excludes("--validation"); // the layer's time would be taken for the driver's
    return {command, [options] { return run(*options); }};
}

} // namespace saccade::cli
