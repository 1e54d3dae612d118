// SPDX-License-Identifier: Apache-2.0
#include "bench_record.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <future>

#include "host/errors.hpp"
#include "host/model_runner.hpp"
#include "idle_commands.hpp"
#include "table_fallback.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

constexpr uint32_t recordsInRound = 32;

/// What every thread records.
struct Run {
    SacPlan plan;
    SacRunInfo info;
};

/// A command buffer and its pool, for one thread.
class Recorder {
public:
    explicit Recorder(const host::Device& device) : device_(device.handle()) {
        VkCommandPoolCreateInfo pool{};
        pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
        pool.queueFamilyIndex = device.queueFamily();
        host::checkVulkan(vkCreateCommandPool(device_, &pool, nullptr, &pool_), "vkCreateCommandPool");
        VkCommandBufferAllocateInfo buffer{};
        buffer.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
        buffer.commandPool = pool_;
        buffer.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
        buffer.commandBufferCount = 1;
        const VkResult result = vkAllocateCommandBuffers(device_, &buffer, &commandBuffer_);
        if (result != VK_SUCCESS) {
            vkDestroyCommandPool(device_, pool_, nullptr);
            host::checkVulkan(result, "vkAllocateCommandBuffers");
        }
    }
    ~Recorder() { vkDestroyCommandPool(device_, pool_, nullptr); }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    /// Microseconds of sacCmdRun alone; the command buffer is empty before and after.
    double record(const Run& run) {
        VkCommandBufferBeginInfo begin{};
        begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
        begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
        host::checkVulkan(vkBeginCommandBuffer(commandBuffer_, &begin), "vkBeginCommandBuffer");
        SacError error{};
        const auto start = std::chrono::steady_clock::now();
        const SacResult result = sacCmdRun(run.plan, commandBuffer_, &run.info, &error);
        const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
        sac::check(result, error);
        host::checkVulkan(vkEndCommandBuffer(commandBuffer_), "vkEndCommandBuffer");
        host::checkVulkan(vkResetCommandPool(device_, pool_, 0), "vkResetCommandPool");
        return spent.count();
    }

private:
    VkDevice device_;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commandBuffer_ = VK_NULL_HANDLE;
};

/// One thread's calls. All threads wait for each other between rounds: they record at once, and no two records of a
/// round share descriptor sets.
std::vector<double> recordRounds(const host::Device& device, const Run& run, uint32_t records, std::barrier<>& round) {
    struct Leave {
        std::barrier<>& round;
        ~Leave() { round.arrive_and_drop(); }
    } const leave{round};
    Recorder recorder(device);
    for (uint32_t i = 0; i < recordsInRound; ++i) // what a driver allocates when a pool first grows
        recorder.record(run);
    std::vector<double> times(records);
    for (uint32_t i = 0; i < records; ++i) {
        if (i % recordsInRound == 0)
            round.arrive_and_wait();
        times[i] = recorder.record(run);
    }
    return times;
}

RecordTimes recordTimes(const host::Device& device, const Run& run, uint32_t threads, uint32_t records) {
    std::barrier round(threads);
    std::vector<std::future<std::vector<double>>> others(threads - 1);
    for (auto& other : others)
        other = std::async(std::launch::async, [&] { return recordRounds(device, run, records, round); });
    std::vector<double> times = recordRounds(device, run, records, round);
    for (auto& other : others) {
        const std::vector<double> more = other.get();
        times.insert(times.end(), more.begin(), more.end());
    }
    std::sort(times.begin(), times.end());
    return {times[times.size() / 2], times[times.size() * 95 / 100]};
}

double driverShare(const RecordMeasurement& m) { return 1 - m.library.median / m.whole.median; }

double perDispatch(const RecordMeasurement& m) { return m.whole.median / m.properties.dispatchCount; }

} // namespace

std::vector<RecordMeasurement> measureRecord(const host::Device& device, const BenchCase& benchCase,
                                             const host::PlanOptions& options, uint32_t threads, uint32_t records) {
    records = records ? records : 1000;
    const std::vector<std::byte> file = benchCase.modelFile();
    host::PlanOptions planOptions = options;
    planOptions.maxRunsInFlight = recordsInRound * threads;
    std::vector<RecordMeasurement> measurements;
    for (const bool push : {true, false}) {
        host::DeviceOptions deviceOptions;
        deviceOptions.pushDescriptors = push;
        const host::Device own(device.instance(), device.physical(), deviceOptions);
        if (push && !(own.features() & SAC_FEATURE_PUSH_DESCRIPTOR_BIT))
            continue;
        for (const bool whole : {true, false}) {
            const host::Context context(own, {}, whole ? vkGetInstanceProcAddr : loadIdleCommands);
            const auto runner = makeRunner(context, benchCase.name, {file, "", "", {}}, benchCase.inputs, planOptions);
            const Run run{runner->plan().get(), runner->runInfo()};
            for (const uint32_t count : {1u, threads}) {
                const RecordTimes times = recordTimes(own, run, count, records);
                const auto same = [&](const RecordMeasurement& m) {
                    return m.pushDescriptors == push && m.threads == count;
                };
                if (whole)
                    measurements.push_back(
                        {benchCase.name, benchCase.module, push, count, records, runner->properties(), times, {}});
                else
                    std::find_if(measurements.begin(), measurements.end(), same)->library = times;
            }
        }
    }
    return measurements;
}

void printRecords(const std::vector<RecordMeasurement>& measurements) {
    TextTable table({"case", "descriptors", "threads", "dispatches", "median us", "95 % us", "us a dispatch",
                     "library us", "driver"});
    table.leftColumns(2);
    for (const RecordMeasurement& m : measurements)
        table.add({m.name, m.pushDescriptors ? "push" : "pool", std::to_string(m.threads),
                   std::to_string(m.properties.dispatchCount), format("%.2f", m.whole.median),
                   format("%.2f", m.whole.percentile95), format("%.3f", perDispatch(m)),
                   format("%.2f", m.library.median), format("%.0f %%", 100 * driverShare(m))});
    table.print();
}

nlohmann::json toJson(const RecordMeasurement& m) {
    return {{"case", m.name},
            {"module", m.module},
            {"descriptors", m.pushDescriptors ? "push" : "pool"},
            {"threads", m.threads},
            {"records", m.records},
            {"dispatches", m.properties.dispatchCount},
            {"barriers", m.properties.barrierCount},
            {"median_us", m.whole.median},
            {"p95_us", m.whole.percentile95},
            {"median_us_per_dispatch", perDispatch(m)},
            {"library_median_us", m.library.median},
            {"library_p95_us", m.library.percentile95},
            {"driver_share", driverShare(m)}};
}

} // namespace saccade::cli
