#include "lab/simulation.hpp"

#include "lab/belady.hpp"
#include "lab/cache_size.hpp"
#include "lab/job_pool.hpp"
#include "lab/sampling.hpp"
#include "lab/store_run.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

namespace tiercel::lab {
namespace {

/// Scaled down to fewer entries than this, a cache tells little: smaller ones are given a larger sample.
constexpr double least_sampled_entries = 100;

/// `rate`, doubled until a cache of that size is large enough when scaled.
double rate_for(double rate, std::uint64_t capacity, const Trace& trace) {
    const double mean_size =
        std::max(1.0, static_cast<double>(whole_of(trace)) / static_cast<double>(trace.unique_keys()));
    while (rate < 1 && rate * static_cast<double>(capacity) / mean_size < least_sampled_entries)
        rate *= 2;
    return std::min(rate, 1.0);
}

/// A sample with what all simulations over it share.
class SharedSample {
public:
    SharedSample(const Trace& trace, double rate) : sample_(trace, rate) {}

    const SampledTrace& operator*() const noexcept { return sample_; }
    const SampledTrace* operator->() const noexcept { return &sample_; }

    const std::vector<std::uint32_t>& next() {
        std::call_once(next_made_, [this] { next_ = next_uses(sample_.sequence()); });
        return next_;
    }

private:
    SampledTrace sample_;
    std::once_flag next_made_;
    std::vector<std::uint32_t> next_;
};

double hit_ratio_of(SharedSample& sample, const LabPolicy& policy, std::uint64_t capacity, std::uint32_t shards,
                    const std::function<void(std::size_t)>& on_progress) {
    const RequestSequence sequence = sample->sequence();
    const bool whole = sample->rate() >= 1;
    std::vector<bool> each;
    const RunWatch watch{on_progress, whole ? nullptr : &each};
    const std::uint64_t hits = policy.is_belady()
                                   ? run_belady(sequence, sample.next(), sample->scaled(capacity), watch)
                                   : run_store(sequence, {*policy.online, sample->scaled(capacity), shards}, watch);
    return whole ? static_cast<double>(hits) / static_cast<double>(sequence.keys.size()) : sample->hit_ratio(each);
}

} // namespace

std::vector<Outcome> simulate(const Trace& trace, const SimulationOptions& options,
                              const std::function<void(std::size_t)>& on_progress) {
    std::map<double, SharedSample> samples;
    std::vector<Outcome> outcomes(options.capacities.size() * options.policies.size());
    std::vector<std::function<void()>> jobs;
    for (const std::uint64_t capacity : options.capacities) {
        const double rate = rate_for(options.sample, capacity, trace);
        SharedSample& sample = samples.try_emplace(rate, trace, rate).first->second;
        for (const LabPolicy& policy : options.policies) {
            Outcome& outcome = outcomes[jobs.size()];
            jobs.emplace_back([&, capacity] {
                const auto begin = std::chrono::steady_clock::now();
                const double hit_ratio = hit_ratio_of(sample, policy, capacity, options.shards, on_progress);
                const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
                outcome = {policy.name, capacity, hit_ratio, sample->sequence().keys.size(), passed.count()};
            });
        }
    }
    run_jobs(jobs, options.threads);
    return outcomes;
}

std::uint64_t total_requests(const Trace& trace, const SimulationOptions& options) {
    double total = 0;
    for (const std::uint64_t capacity : options.capacities)
        total += rate_for(options.sample, capacity, trace) * static_cast<double>(trace.requests());
    return static_cast<std::uint64_t>(total) * options.policies.size();
}

} // namespace tiercel::lab
