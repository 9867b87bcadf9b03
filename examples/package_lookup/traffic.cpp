#include "traffic.hpp"

#include "zipf.hpp"

#include <algorithm>
#include <random>
#include <stop_token>
#include <utility>

namespace package_lookup {

namespace {

void failed(Seen& seen, const std::string& why) {
    ++seen.failed;
    if (seen.first_failure.empty()) seen.first_failure = why;
}

} // namespace

void Seen::add(const Seen& part) {
    lookups += part.lookups;
    failed += part.failed;
    from_memory += part.from_memory;
    slowest = std::max(slowest, part.slowest);
    if (first_failure.empty()) first_failure = part.first_failure;
}

void look_up(const PackageCache& cache, const std::string& name, Seen& seen) {
    const auto began = std::chrono::steady_clock::now();
    const auto package = cache.get_or_load(name);
    seen.slowest = std::max<std::chrono::nanoseconds>(seen.slowest, std::chrono::steady_clock::now() - began);
    ++seen.lookups;
    if (!package) {
        failed(seen, name + ": " + package.error().message());
    } else if (!*package) {
        failed(seen, name + ": no such package");
    } else if ((*package)->name != name) {
        failed(seen, name + ": got " + (*package)->name);
    } else if (package->source().kind == tiercel::Source::Kind::memory) {
        ++seen.from_memory;
    }
}

Seen look_up_many(const PackageCache& cache, std::span<const std::string> names_by_rank, std::uint64_t seed,
                  std::uint64_t lookups) {
    std::mt19937_64 random(seed);
    auto rank = zipf(names_by_rank.size());
    Seen seen;
    for (std::uint64_t i = 0; i < lookups; ++i)
        look_up(cache, names_by_rank[rank(random)], seen);
    return seen;
}

Traffic::Traffic(const PackageCache& cache, std::span<const std::string> names_by_rank, unsigned threads,
                 std::uint64_t seed) {
    for (unsigned i = 0; i < threads; ++i) {
        auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
        threads_.emplace_back([&cache, names_by_rank, &worker, seed = seed + i](const std::stop_token& stop) {
            constexpr int lookups_between_reports = 64;
            std::mt19937_64 random(seed);
            auto rank = zipf(names_by_rank.size());
            while (!stop.stop_requested()) {
                Seen seen;
                for (int n = 0; n < lookups_between_reports; ++n)
                    look_up(cache, names_by_rank[rank(random)], seen);
                const std::lock_guard lock(worker.mutex);
                worker.seen.add(seen);
            }
        });
    }
}

Seen Traffic::take() {
    Seen sum;
    for (const auto& worker : workers_) {
        const std::lock_guard lock(worker->mutex);
        sum.add(std::exchange(worker->seen, {}));
    }
    return sum;
}

} // namespace package_lookup
