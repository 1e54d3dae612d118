// SPDX-License-Identifier: Apache-2.0
#include "api/compile_jobs.hpp"

#include <utility>

#include "base/error.hpp"

namespace saccade {

void JobGate::pass(void* gate, uint32_t index) noexcept {
    if (!gate)
        return;
    JobGate& self = *static_cast<JobGate*>(gate);
    std::unique_lock lock(self.mutex_);
    CompileJobs* jobs = self.jobs_;
    if (!jobs || !jobs->begin(index))
        return;
    ++self.inside_;
    lock.unlock();
    jobs->perform(index);
    lock.lock();
    --self.inside_;
    self.left_.notify_all();
}

void JobGate::open(CompileJobs& jobs) {
    std::lock_guard lock(mutex_);
    jobs_ = &jobs;
}

void JobGate::close() {
    std::unique_lock lock(mutex_);
    jobs_ = nullptr;
    left_.wait(lock, [&] { return inside_ == 0; });
}

JobGate& JobGates::take() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) {
        idle_.reserve(gates_.size() + 1);
        return gates_.emplace_back();
    }
    JobGate* gate = idle_.back();
    idle_.pop_back();
    return *gate;
}

void JobGates::giveBack(JobGate& gate) {
    std::lock_guard lock(mutex_);
    idle_.push_back(&gate);
}

CompileJobs::CompileJobs(PipelineLibrary& library, std::span<const PipelineKey* const> distinct,
                         std::pmr::memory_resource* memory)
    : library_(library), jobs_(memory), ready_(memory), caller_(std::this_thread::get_id()) {
    jobs_.reserve(distinct.size());
    ready_.reserve(distinct.size());
    for (const PipelineKey* key : distinct)
        if (const Pipeline* pipeline = library.acquireReady(*key))
            ready_.push_back(pipeline);
        else
            jobs_.push_back({key});
    end_ = count();
}

CompileJobs::~CompileJobs() {
    for (const Pipeline* pipeline : ready_)
        library_.release(pipeline);
    for (const Job& job : jobs_)
        if (job.pipeline)
            library_.release(job.pipeline);
}

void CompileJobs::run(const SacCompileJobs& lender, JobGates& gates, Progress& progress) {
    if (jobs_.empty())
        return;
    progress_ = &progress;
    progress.ask();
    lend(lender, gates);
    for (uint32_t i = 0; i < end_; ++i)
        if (begin(i))
            perform(i);
    if (cancelled_)
        std::rethrow_exception(cancelled_);
    for (const Job& job : jobs_)
        if (job.error)
            std::rethrow_exception(job.error);
    progress.setDone(ended_);
}

void CompileJobs::lend(const SacCompileJobs& lender, JobGates& gates) {
    JobGate& gate = gates.take();
    gate.open(*this);
    bool threw = false;
    try {
        lender.parallelFor(lender.userData, count(), JobGate::pass, &gate);
    } catch (...) {
        threw = true;
        end_ = 0;
    }
    gate.close();
    gates.giveBack(gate);
    if (threw && !cancelled_)
        throw Error(SAC_ERROR_CANCELLED, "cancelled: SacCompileJobs::parallelFor threw an exception");
}

bool CompileJobs::begin(uint32_t index) { return index < jobs_.size() && !std::exchange(jobs_[index].begun, true); }

void CompileJobs::perform(uint32_t index) noexcept {
    Job& job = jobs_[index];
    try {
        if (std::this_thread::get_id() == caller_)
            ask();
        if (index < end_)
            job.pipeline = library_.acquire(*job.key);
    } catch (...) {
        job.error = std::current_exception();
        uint32_t end = end_;
        while (index < end && !end_.compare_exchange_weak(end, index)) {
        }
    }
    ++ended_;
}

// Of the progress callback, on the caller's thread.
void CompileJobs::ask() {
    if (cancelled_)
        return;
    try {
        progress_->setDone(ended_);
        progress_->ask();
    } catch (...) {
        cancelled_ = std::current_exception();
        end_ = 0;
    }
}

} // namespace saccade
