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
#include <optional>
#include <utility>

namespace tiercel::lab {
namespace {

/// Scaled down to fewer entries than this, a cache tells little, and so does a sample of few keys: small caches and
/// traces are given a larger sample.
constexpr double least_sampled_entries = 40;
constexpr double least_sampled_keys = 2000;

/// Whether a smaller cache behaves like a larger one. When these two are full, newcomers pass through one single place,
/// which cannot be made smaller along with the rest: they are run over the whole trace, whatever the sample.
bool can_be_scaled(const LabPolicy& policy) {
    return policy.name != "lfu" && policy.name != "mru";
}

double rate_for(double rate, const LabPolicy& policy, std::uint64_t capacity, const Trace& trace) {
    if (rate >= 1 || !can_be_scaled(policy)) return 1;
    const auto keys = static_cast<double>(trace.unique_keys());
    const double mean_size = std::max(1.0, static_cast<double>(whole_of(trace)) / keys);
    const double entries = static_cast<double>(capacity) / mean_size;
    return std::min(1.0, std::max({rate, least_sampled_entries / entries, least_sampled_keys / keys}));
}

/// A sample with what all simulations over it share, made when first asked for.
class SharedSample {
public:
    using Order = std::function<const PopularityOrder&()>;

    SharedSample(const Trace& trace, double rate, Order order) : trace_(trace), rate_(rate), order_(std::move(order)) {}

    const SampledTrace& get() {
        std::call_once(made_, [this] {
            if (rate_ >= 1) {
                sample_.emplace(trace_);
            } else {
                sample_.emplace(order_(), rate_);
            }
        });
        return *sample_;
    }

    const std::vector<std::uint32_t>& next() {
        std::call_once(next_made_, [this] { next_ = next_uses(get().sequence()); });
        return next_;
    }

private:
    const Trace& trace_;
    const double rate_;
    const Order order_;
    std::once_flag made_;
    std::optional<SampledTrace> sample_;
    std::once_flag next_made_;
    std::vector<std::uint32_t> next_;
};

double hit_ratio_of(SharedSample& shared, const LabPolicy& policy, std::uint64_t capacity, std::uint32_t shards,
                    const std::function<void(std::size_t)>& on_progress) {
    const SampledTrace& sample = shared.get();
    const RequestSequence sequence = sample.sequence();
    const bool whole = sample.rate() >= 1;
    std::vector<bool> each;
    const RunWatch watch{on_progress, whole ? nullptr : &each};
    const std::uint64_t hits = policy.is_belady()
                                   ? run_belady(sequence, shared.next(), sample.scaled(capacity), watch)
                                   : run_store(sequence, {*policy.online, sample.scaled(capacity), shards}, watch);
    return whole ? static_cast<double>(hits) / static_cast<double>(sequence.keys.size()) : sample.hit_ratio(each);
}

} // namespace

std::vector<Outcome> simulate(const Trace& trace, const SimulationOptions& options,
                              const std::function<void(std::size_t)>& on_progress) {
    std::once_flag order_made;
    std::optional<PopularityOrder> order;
    const auto make_order = [&]() -> const PopularityOrder& {
        std::call_once(order_made, [&] { order.emplace(trace); });
        return *order;
    };
    std::map<double, SharedSample> samples;
    std::vector<Outcome> outcomes(options.capacities.size() * options.policies.size());
    std::vector<std::function<void()>> jobs;
    for (const std::uint64_t capacity : options.capacities) {
        for (const LabPolicy& policy : options.policies) {
            const double rate = rate_for(options.sample, policy, capacity, trace);
            SharedSample& sample = samples.try_emplace(rate, trace, rate, make_order).first->second;
            Outcome& outcome = outcomes[jobs.size()];
            jobs.emplace_back([&, capacity] {
                const std::uint64_t requests = sample.get().sequence().keys.size(); // made outside the time measured
                const auto begin = std::chrono::steady_clock::now();
                const double hit_ratio = hit_ratio_of(sample, policy, capacity, options.shards, on_progress);
                const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
                outcome = {policy.name, capacity, hit_ratio, requests, passed.count()};
            });
        }
    }
    run_jobs(jobs, options.threads);
    return outcomes;
}

std::uint64_t total_requests(const Trace& trace, const SimulationOptions& options) {
    double total = 0;
    for (const std::uint64_t capacity : options.capacities)
        for (const LabPolicy& policy : options.policies)
            total += rate_for(options.sample, policy, capacity, trace) * static_cast<double>(trace.requests());
    return static_cast<std::uint64_t>(total);
}

} // namespace tiercel::lab
