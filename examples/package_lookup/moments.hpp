#pragma once

#include "package_cache.hpp"
#include "traffic.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace package_lookup {

/// Something worth watching: what was to be seen, what was seen, and whether that is what was promised.
struct Moment {
    std::string title;
    std::string seen;
    bool held = false;
};

std::string to_text(const Moment& moment);

/// 1,000 threads ask at once for a package that no tier has, while the database takes its time: it is asked once.
Moment thousand_threads_one_load(const PackageCache& cache, PackageTable& table, const std::string& name);

/// How the second tier is to fail.
struct Outage {
    /// Where the Redis server's process id stands; it gets SIGKILL. Somebody else may start it again.
    /// Empty: no server of ours; its backend is closed instead, for good.
    std::filesystem::path redis_pid_file;
    std::chrono::milliseconds before;
    std::chrono::milliseconds after;
};

/// Drives the cache for `outage.before`, takes Redis away, and goes on for `outage.after`: no lookup fails.
/// Where the server comes back, it is used again. Gives all that was seen in `all`.
Moment redis_dies_under_load(const PackageCache& cache, const Backends& backends, Traffic& traffic,
                             const Outage& outage, Seen& all);

/// In a process that has just begun: the first lookups of a cold cache, and of one that was primed with
/// `hot_names`. `ratio_before`: of memory hits, in the process that ended.
Moment priming_after_restart(const Backends& backends, PackageTable& table, std::span<const std::string> names_by_rank,
                             std::uint64_t memory_entries, std::uint64_t seed, double ratio_before);

} // namespace package_lookup
