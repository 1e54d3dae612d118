// SPDX-License-Identifier: Apache-2.0
#include "bench_options.hpp"

#include <algorithm>
#include <thread>

namespace saccade::cli {

namespace {

constexpr uint32_t maxThreads = 64;

} // namespace

void BenchOptions::addTo(CLI::App& command) {
    command
        .add_option("--case", which,
                    "README examples to measure: 1d, 2d, 3d, or all (default, unless another section is asked for)")
        ->check(CLI::IsMember({"1d", "2d", "3d", "all"}).description(""))
        ->type_name("1d|2d|3d|all");
    command.add_option("--bias", bias, "Position bias: exact, table, auto, or both of the first (default)")
        ->check(CLI::IsMember({"exact", "table", "auto", "both"}).description(""))
        ->type_name("exact|table|auto|both");
    command.add_option("--tolerance", tolerance, "Largest rms error of the table, on the scale of the scores")
        ->check(CLI::Range(0.0, 1.0).description(""))
        ->type_name("X");
    command.add_option("--precision", precision, "Storage of weights and intermediates: f32 (default) or f16")
        ->check(CLI::IsMember({"f32", "f16"}).description(""))
        ->type_name("f32|f16");
    command
        .add_option("--repeats", repeats,
                    "Runs after the first; default: what three seconds allow, 3 to 100; --record: 1000, --start: 5")
        ->type_name("N");
    command.add_option("--json", json, "Also write everything to this file")->type_name("FILE");
    command.add_flag("--scaling", scaling, "The 2D example over 32x32, 64x64 and 128x128");
    command.add_flag("--relatives", relatives, "Phenaki's transformer and DALL-E's attentions");
    command.add_flag("--ops", ops, "Kernels alone: attention, matrix product, and the small ones of networks");
    CLI::Option* recordFlag =
        command.add_flag("--record", record, "What recording a run costs the CPU; --case is what to record");
    command
        .add_option("--threads", threads,
                    "Threads of --record and --start beside one; default: as many as the machine has")
        ->check(CLI::Range(2u, maxThreads).description(""))
        ->type_name("N");
    CLI::Option* startFlag = command.add_flag(
        "--start", start,
        "What creating plans costs, with an empty and with a saved pipeline cache; --case as for --record");
    device.addTo(command);
    for (CLI::Option* flag : {recordFlag, startFlag})
        flag->excludes("--validation"); // the layer's time would be taken for the driver's
}

bool BenchOptions::measuresExamples() const {
    const bool host = record || start;
    const bool others = scaling || ops || relatives || host;
    return !others || (!which.empty() && !host);
}

uint32_t BenchOptions::threadCount() const {
    return threads ? threads : std::clamp(std::thread::hardware_concurrency(), 2u, maxThreads);
}

SacPrecision BenchOptions::precisionValue() const {
    return precision == "f16" ? SAC_PRECISION_FLOAT16 : SAC_PRECISION_FLOAT32;
}

host::PlanOptions BenchOptions::hostPlanOptions() const {
    host::PlanOptions options;
    options.precision = precisionValue();
    options.positionBias.mode = bias == "both" ? SAC_POSITION_BIAS_MODE_AUTO : positionBiasOf(bias);
    options.positionBias.tolerance = tolerance;
    return options;
}

} // namespace saccade::cli
