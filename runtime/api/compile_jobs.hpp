// SPDX-License-Identifier: Apache-2.0
// A plan's pipelines, compiled at once on threads that the engine lends (SacCompileJobs).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <list>
#include <memory_resource>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include <saccade/saccade.h>

#include "base/feedback.hpp"
#include "record/pipelines.hpp"

namespace saccade {

class CompileJobs;

/// What the jobData of the engine points to. Jobs pass while it is open.
class JobGate {
public:
    /// A SacCompileJob.
    static void VKAPI_CALL pass(void* gate, uint32_t index) noexcept;

    void open(CompileJobs& jobs);
    /// Lets no more jobs in and waits for those inside.
    void close();

private:
    std::mutex mutex_;
    std::condition_variable left_;
    CompileJobs* jobs_ = nullptr; ///< null: closed
    uint32_t inside_ = 0;
};

/// The gates of a context. They stay until it ends, so that a job that an engine calls too late finds a closed gate, or
/// that of another plan, whose job it may do, and no freed memory.
class JobGates {
public:
    explicit JobGates(std::pmr::memory_resource* memory) : gates_(memory), idle_(memory) {}

    JobGate& take();
    void giveBack(JobGate& gate);

private:
    std::mutex mutex_;
    std::pmr::list<JobGate> gates_;
    std::pmr::vector<JobGate*> idle_; ///< with room for all gates
};

/// The distinct pipelines of one plan: one job for each that the library does not have. Holds them to its own end, so
/// that those who need them acquire them without compiling.
class CompileJobs {
public:
    CompileJobs(PipelineLibrary& library, std::span<const PipelineKey* const> distinct,
                std::pmr::memory_resource* memory);
    ~CompileJobs();
    CompileJobs(const CompileJobs&) = delete;
    CompileJobs& operator=(const CompileJobs&) = delete;

    uint32_t count() const { return static_cast<uint32_t>(jobs_.size()); }

    /// Compiles all. Throws the error of the first job that fails, or SAC_ERROR_CANCELLED; no job runs any more then.
    void run(const SacCompileJobs& lender, JobGates& gates, Progress& progress);

private:
    friend JobGate;

    struct Job {
        const PipelineKey* key;
        const Pipeline* pipeline = nullptr;
        std::exception_ptr error{};
        bool begun = false; ///< guarded by the gate's mutex while the gate is open
    };

    void lend(const SacCompileJobs& lender, JobGates& gates);
    bool begin(uint32_t index);
    void perform(uint32_t index) noexcept;
    void ask();

    PipelineLibrary& library_;
    std::pmr::vector<Job> jobs_;
    std::pmr::vector<const Pipeline*> ready_; ///< which the library had
    Progress* progress_ = nullptr;
    std::thread::id caller_;
    std::exception_ptr cancelled_{}; ///< the caller's thread alone sees it
    std::atomic<uint32_t> ended_{0};
    std::atomic<uint32_t> end_; ///< jobs from here on need not begin
};

} // namespace saccade
