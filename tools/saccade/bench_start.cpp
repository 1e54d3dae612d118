// SPDX-License-Identifier: Apache-2.0
#include "bench_start.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>

#include "text.hpp"

namespace saccade::cli {

namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

void setVariable(const char* name, const char* value) {
#if defined(_WIN32)
    _putenv_s(name, value);
#else
    setenv(name, value, 1);
#endif
}

/// A device of its own with models that have no plans yet.
class Start {
public:
    struct Result {
        double milliseconds = 0;
        double graphs = 0;
        uint32_t pipelines = 0;
        std::vector<std::byte> cache;
    };

    Start(const host::Device& like, const std::vector<BenchCase>& cases,
          const std::vector<std::vector<std::byte>>& files, const host::DeviceOptions& options)
        : cases_(cases), device_(like.instance(), like.physical(), options), context_(host::contextInfo(device_)),
          graphs_(cases.size()), plans_(cases.size()) {
        for (const std::vector<std::byte>& file : files)
            models_.emplace_back(context_, file);
    }

    Result create(const host::PlanOptions& options, uint32_t threads) {
        const Clock::time_point start = Clock::now();
        std::vector<std::future<void>> others(threads - 1);
        for (auto& other : others)
            other = std::async(std::launch::async, [&] { createPlans(options); });
        createPlans(options);
        for (auto& other : others)
            other.get();

        Result result;
        result.milliseconds = millisecondsSince(start);
        for (const auto& plan : plans_)
            result.pipelines += plan.properties().pipelineCount;
        for (const double graph : graphs_)
            result.graphs += graph;
        result.cache = device_.pipelineCacheData();
        return result;
    }

private:
    // What no thread has begun.
    void createPlans(const host::PlanOptions& options) {
        for (std::size_t i = next_++; i < plans_.size(); i = next_++) {
            const Clock::time_point start = Clock::now();
            host::PlanOptions own = options;
            own.progress = [&](uint32_t done, uint32_t) {
                if (done == 0) // at last before the first pipeline
                    graphs_[i] = millisecondsSince(start);
                return true;
            };
            plans_[i] = host::makePlan(models_[i], cases_[i].inputs, own);
        }
    }

    const std::vector<BenchCase>& cases_;
    host::Device device_;
    sac::Context context_;
    std::vector<sac::Model> models_;
    std::vector<double> graphs_; ///< milliseconds, of each plan
    std::vector<sac::Plan> plans_;
    std::atomic<std::size_t> next_{0};
};

} // namespace

void disableDriverCaches() {
    setVariable("MESA_SHADER_CACHE_DISABLE", "true"); // Mesa's drivers
    setVariable("__GL_SHADER_DISK_CACHE", "0");       // NVIDIA's
}

StartMeasurement measureStart(const host::Device& device, const std::string& name, const std::vector<BenchCase>& cases,
                              const host::PlanOptions& options, uint32_t threads, uint32_t repeats) {
    std::vector<std::vector<std::byte>> files;
    for (const BenchCase& benchCase : cases)
        files.push_back(benchCase.modelFile());
    const auto create = [&](std::vector<std::byte> cache) {
        host::DeviceOptions deviceOptions;
        deviceOptions.pipelineCacheData = std::move(cache);
        return Start(device, cases, files, deviceOptions).create(options, threads);
    };
    create({}); // what a driver sets up once in a process

    StartMeasurement m;
    m.name = name;
    m.plans = static_cast<uint32_t>(cases.size());
    m.threads = threads;
    m.repeats = repeats ? repeats : 5;
    std::vector<double> empty, saved, graphs;
    for (uint32_t i = 0; i < m.repeats; ++i) {
        const Start::Result first = create({});
        const Start::Result second = create(first.cache);
        empty.push_back(first.milliseconds);
        graphs.push_back(first.graphs);
        saved.push_back(second.milliseconds);
        m.pipelines = first.pipelines;
        m.cacheBytes = first.cache.size();
    }
    m.emptyCache = median(empty);
    m.savedCache = median(saved);
    m.graphs = median(graphs);
    return m;
}

void printStarts(const std::vector<StartMeasurement>& measurements) {
    TextTable table({"case", "plans", "pipelines", "threads", "empty cache ms", "saved cache ms", "of empty",
                     "graphs ms", "cache"});
    for (const StartMeasurement& m : measurements)
        table.add({m.name, std::to_string(m.plans), std::to_string(m.pipelines), std::to_string(m.threads),
                   format("%.2f", m.emptyCache), format("%.2f", m.savedCache),
                   format("%.0f %%", 100 * m.savedCache / m.emptyCache), format("%.2f", m.graphs),
                   bytesText(m.cacheBytes)});
    table.print();
}

nlohmann::json toJson(const StartMeasurement& m) {
    return {{"case", m.name},
            {"plans", m.plans},
            {"pipelines", m.pipelines},
            {"threads", m.threads},
            {"repeats", m.repeats},
            {"empty_cache_ms", m.emptyCache},
            {"saved_cache_ms", m.savedCache},
            {"saved_over_empty", m.savedCache / m.emptyCache},
            {"graphs_ms", m.graphs},
            {"cache_bytes", m.cacheBytes}};
}

} // namespace saccade::cli
