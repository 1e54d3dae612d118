// SPDX-License-Identifier: Apache-2.0
#include "bench_measure.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "host/model_runner.hpp"
#include "table_fallback.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

double milliseconds(const host::Timing& timing) {
    return std::isnan(timing.gpuMilliseconds) ? timing.hostMilliseconds : timing.gpuMilliseconds;
}

// Per second, in units of 10^9, at the median.
double rate(uint64_t amount, const Measurement& m) { return static_cast<double>(amount) * 1e-6 / m.times.median; }

double perPair(const Measurement& m) {
    return m.times.median * 1e6 / (static_cast<double>(m.queries) * static_cast<double>(m.keys));
}

std::string tableText(const SacPositionBiasProperties& bias) {
    if (bias.mode != SAC_POSITION_BIAS_MODE_TABLE)
        return "";
    std::string text;
    for (const uint32_t nodes : bias.tableSize)
        if (nodes > 0)
            text += (text.empty() ? "" : "x") + std::to_string(nodes);
    return text + format(" %.0e", static_cast<double>(bias.tableError));
}

} // namespace

Times repeat(uint32_t repeats, const std::function<host::Timing()>& run) {
    const double warmUp = run().hostMilliseconds;
    if (repeats == 0)
        repeats = static_cast<uint32_t>(std::clamp(3000 / std::max(warmUp, 1e-3), 3.0, 100.0));
    std::vector<double> times(repeats);
    for (double& time : times)
        time = milliseconds(run());
    std::sort(times.begin(), times.end());
    const std::size_t half = times.size() / 2;
    return {times.size() % 2 ? times[half] : (times[half - 1] + times[half]) / 2, times.front(), repeats};
}

Measurement measure(const host::Context& context, const BenchCase& benchCase, const MeasureOptions& options) {
    Progress progress(benchCase.name);
    host::PlanOptions planOptions;
    planOptions.positionBias.mode = options.bias;
    planOptions.positionBias.tolerance = options.tolerance;
    planOptions.precision = options.precision;
    planOptions.progress = [&progress](uint32_t done, uint32_t total) {
        progress.update("making dispatch " + std::to_string(std::min(done + 1, total)) + " of " +
                        std::to_string(total));
        return true;
    };
    const std::vector<std::byte> file = benchCase.modelFile();
    const auto made = makeRunner(context, benchCase.name, {file, "", "", {}}, benchCase.inputs, planOptions);
    host::ModelRunner& runner = *made;
    runner.submitter().onWait([&progress] { progress.update("waiting for the device"); });

    Measurement m;
    m.name = benchCase.name;
    m.module = benchCase.module;
    m.config = benchCase.config;
    runner.upload(); // the first one includes what a driver compiles late
    m.uploadMilliseconds = milliseconds(runner.upload());
    uint32_t run = 0;
    m.times = repeat(options.repeats, [&] {
        progress.update("run " + std::to_string(++run));
        return runner.run();
    });
    m.properties = runner.properties();
    m.positionBias = runner.positionBias();
    m.bias = m.positionBias.mode == SAC_POSITION_BIAS_MODE_EXACT   ? "exact"
             : m.positionBias.mode == SAC_POSITION_BIAS_MODE_TABLE ? "table"
                                                                   : "";
    m.workspaceBytes = runner.memorySize(SAC_MEMORY_WORKSPACE);
    m.weightBytes = runner.memorySize(SAC_MEMORY_WEIGHTS);
    m.tableBytes = runner.memorySize(SAC_MEMORY_TABLES);
    m.stateBytes = runner.memorySize(SAC_MEMORY_STATE);
    m.queries = benchCase.queries;
    m.keys = benchCase.keys;
    return m;
}

void printMeasurements(const std::vector<Measurement>& measurements) {
    TextTable table({"case", "bias", "median ms", "min ms", "runs", "GFLOP", "GFLOP/s", "GB/s", "workspace", "weights",
                     "tables", "upload ms", "table, error"});
    table.leftColumns(2);
    for (const Measurement& m : measurements)
        table.add({m.name, m.bias, format("%.3f", m.times.median), format("%.3f", m.times.minimum),
                   std::to_string(m.times.repeats), format("%.3g", static_cast<double>(m.properties.flops) * 1e-9),
                   format("%.1f", rate(m.properties.flops, m)), format("%.2f", rate(m.properties.bytes, m)),
                   bytesText(m.workspaceBytes), bytesText(m.weightBytes), bytesText(m.tableBytes),
                   format("%.2f", m.uploadMilliseconds), tableText(m.positionBias)});
    table.print();
}

void printScaling(const std::vector<Measurement>& measurements) {
    TextTable table({"case", "bias", "queries", "keys", "median ms", "ns a pair", "workspace", "bytes a query"});
    table.leftColumns(2);
    for (const Measurement& m : measurements)
        table.add({m.name, m.bias, std::to_string(m.queries), std::to_string(m.keys), format("%.3f", m.times.median),
                   format("%.3f", perPair(m)), bytesText(m.workspaceBytes),
                   std::to_string(m.workspaceBytes / m.queries)});
    table.print();
}

void printRelatives(const std::vector<Measurement>& measurements) {
    TextTable table(
        {"case", "tokens", "median ms", "min ms", "runs", "of dense", "workspace", "bytes a token", "weights"});
    const Measurement* dense = nullptr;
    for (const Measurement& m : measurements) {
        if (m.name.find("dense") != std::string::npos)
            dense = &m;
        const bool comparable = dense && dense->queries == m.queries;
        table.add({m.name, std::to_string(m.queries), format("%.3f", m.times.median), format("%.3f", m.times.minimum),
                   std::to_string(m.times.repeats),
                   comparable ? format("%.0f %%", 100 * m.times.median / dense->times.median) : "",
                   bytesText(m.workspaceBytes), std::to_string(m.workspaceBytes / m.queries),
                   bytesText(m.weightBytes)});
    }
    table.print();
}

nlohmann::json toJson(const Measurement& m) {
    nlohmann::json result = {
        {"case", m.name},
        {"module", m.module},
        {"config", m.config},
        {"median_ms", m.times.median},
        {"min_ms", m.times.minimum},
        {"repeats", m.times.repeats},
        {"upload_ms", m.uploadMilliseconds},
        {"flops", m.properties.flops},
        {"bytes", m.properties.bytes},
        {"gflops_per_second", rate(m.properties.flops, m)},
        {"gbytes_per_second", rate(m.properties.bytes, m)},
        {"dispatches", m.properties.dispatchCount},
        {"precision", m.properties.precision == SAC_PRECISION_FLOAT16 ? "f16" : "f32"},
        {"workspace_bytes", m.workspaceBytes},
        {"weight_bytes", m.weightBytes},
        {"table_bytes", m.tableBytes},
        {"state_bytes", m.stateBytes},
    };
    if (!m.bias.empty())
        result["bias"] = m.bias;
    if (m.positionBias.mode == SAC_POSITION_BIAS_MODE_TABLE) {
        result["table_size"] = m.positionBias.tableSize;
        result["table_error"] = m.positionBias.tableError;
    }
    if (m.queries > 0) {
        result["queries"] = m.queries;
        result["keys"] = m.keys;
    }
    return result;
}

} // namespace saccade::cli
