#pragma once

#include "package.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct sqlite3;

namespace package_lookup {

/// The source of truth: a table of packages in SQLite.
/// Thread safety: all members may be called concurrently; each call has a connection of its own, from a pool.
/// Errors: std::runtime_error with SQLite's words.
class PackageTable {
public:
    /// Makes the file anew, `packages` in order of rank.
    static void create(const std::filesystem::path& file, std::span<const Package> packages);

    explicit PackageTable(std::filesystem::path file);
    ~PackageTable();
    PackageTable(const PackageTable&) = delete;
    PackageTable& operator=(const PackageTable&) = delete;

    /// One query for all; one answer for each name, in order; empty where there is no such package.
    std::vector<std::optional<Package>> find(std::span<const std::string> names);
    /// Of all packages, by rank.
    std::vector<std::string> names();

    std::uint64_t queries() const { return queries_; }
    /// Makes the next query take at least this long, as a busy database would.
    void slow_down_next(std::chrono::milliseconds by) { slow_by_ms_ = by.count(); }

private:
    class Connection;
    struct Lease;

    const std::filesystem::path file_;
    std::atomic<std::uint64_t> queries_{0};
    std::atomic<std::chrono::milliseconds::rep> slow_by_ms_{0};
    std::mutex mutex_;
    std::vector<std::unique_ptr<Connection>> idle_; // guarded by mutex_
};

} // namespace package_lookup
