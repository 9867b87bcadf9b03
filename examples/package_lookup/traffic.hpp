#pragma once

#include "package_cache.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace package_lookup {

/// What the callers saw.
struct Seen {
    std::uint64_t lookups = 0;
    std::uint64_t failed = 0; ///< an error, no package, or another package than was asked for
    std::uint64_t from_memory = 0;
    std::chrono::nanoseconds slowest{};
    std::string first_failure;

    void add(const Seen& part);
    double memory_ratio() const {
        return lookups == 0 ? 0.0 : static_cast<double>(from_memory) / static_cast<double>(lookups);
    }
};

/// Looks up one package and judges the answer.
void look_up(const PackageCache& cache, const std::string& name, Seen& seen);

/// Lookups of one thread that follow Zipf's law: the same `seed`, the same names in the same order.
Seen look_up_many(const PackageCache& cache, std::span<const std::string> names_by_rank, std::uint64_t seed,
                  std::uint64_t lookups);

/// Threads that look up as fast as they can, until it goes.
/// Lifetime: cache and names must outlive it.
class Traffic {
public:
    Traffic(const PackageCache& cache, std::span<const std::string> names_by_rank, unsigned threads,
            std::uint64_t seed);

    /// Since the last take(): of all threads together.
    Seen take();

private:
    struct Worker {
        std::mutex mutex;
        Seen seen; // guarded by mutex
    };

    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::jthread> threads_; // after workers_: joined before these go
};

} // namespace package_lookup
