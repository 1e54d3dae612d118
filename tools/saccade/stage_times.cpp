// SPDX-License-Identifier: Apache-2.0
#include "stage_times.hpp"

#include <algorithm>

#include "host/stage_timer.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

double medianOf(std::vector<double> numbers) {
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    if (numbers.size() % 2)
        return *middle;
    return (*middle + *std::max_element(numbers.begin(), middle)) / 2;
}

// Thousands of millions a second; a stage that is shorter than the clock's step has no rate.
std::string rate(uint64_t amount, double milliseconds) {
    return milliseconds > 0 ? format("%.2f", static_cast<double>(amount) / milliseconds * 1e-6) : "-";
}

} // namespace

void printStageTimes(const host::Device& device, host::ModelRunner& runner, uint32_t repeats, Progress& progress) {
    const std::vector<SacStageInfo> stages = runner.plan().stages();
    host::StageTimer timer(device, runner);
    std::vector<std::vector<double>> times(stages.size()); // of each stage, in each run
    for (uint32_t i = 0; i < repeats; ++i) {
        progress.update("timed run " + std::to_string(i + 1) + " of " + std::to_string(repeats));
        const std::vector<double> run = timer.run();
        for (std::size_t stage = 0; stage < stages.size(); ++stage)
            times[stage].push_back(run[stage]);
    }
    progress.clear();

    TextTable table({"stage", "dispatches", "ms", "GFLOP/s", "GB/s"});
    double total = 0;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        const double median = medianOf(std::move(times[i]));
        table.add({stages[i].name, std::to_string(stages[i].dispatchCount), format("%.4f", median),
                   rate(stages[i].flops, median), rate(stages[i].bytes, median)});
        total += median;
    }
    const SacPlanProperties all = runner.properties();
    table.add({"together", std::to_string(all.dispatchCount), format("%.4f", total), rate(all.flops, total),
               rate(all.bytes, total)});
    table.print();
}

} // namespace saccade::cli
