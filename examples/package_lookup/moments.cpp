#include "moments.hpp"

#include "progress.hpp"

#include <tiercel/spi/backend.hpp>

#include <signal.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <latch>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace package_lookup {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

std::string milliseconds_text(std::chrono::nanoseconds duration) {
    return with_commas(static_cast<std::uint64_t>(duration_cast<milliseconds>(duration).count())) + " ms";
}

std::string seconds_text(std::chrono::nanoseconds duration) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(duration).count());
    return text;
}

void print_traffic(std::chrono::nanoseconds since_start, const Seen& seen, std::chrono::nanoseconds during,
                   const std::string& remark) {
    const auto per_second =
        static_cast<double>(seen.lookups) / std::max(1e-9, std::chrono::duration<double>(during).count());
    std::printf("  %5s  %9s lookups/s  %7s from memory  %llu failed%s%s\n", seconds_text(since_start).c_str(),
                with_commas(static_cast<std::uint64_t>(per_second)).c_str(), percent(seen.memory_ratio()).c_str(),
                static_cast<unsigned long long>(seen.failed), remark.empty() ? "" : "  ", remark.c_str());
    std::fflush(stdout);
}

pid_t read_pid(const std::filesystem::path& file) {
    pid_t pid = 0;
    if (!(std::ifstream(file) >> pid) || pid <= 1) {
        throw std::runtime_error("no process id in " + file.string() + " (--redis-pid-file)");
    }
    return pid;
}

} // namespace

std::string to_text(const Moment& moment) {
    return std::string(moment.held ? "  [ok]   " : "  [FAIL] ") + moment.title + "\n         " + moment.seen + "\n";
}

Moment thousand_threads_one_load(const PackageCache& cache, PackageTable& table, const std::string& name) {
    constexpr std::ptrdiff_t callers = 1'000;
    Moment moment{"1,000 threads miss one key: the loader runs once", "", false};

    (void)cache.invalidate(name);
    const auto before = cache.stats().source;
    const auto queries_before = table.queries();
    table.slow_down_next(250ms);

    std::vector<Seen> seen(callers);
    {
        std::latch all_there(callers);
        std::vector<std::jthread> threads;
        try {
            for (auto& mine : seen) {
                threads.emplace_back([&] {
                    all_there.arrive_and_wait();
                    look_up(cache, name, mine);
                });
            }
        } catch (const std::system_error& error) {
            all_there.count_down(callers - static_cast<std::ptrdiff_t>(threads.size()));
            moment.seen =
                "the system gave no more than " + std::to_string(threads.size()) + " threads: " + error.what();
            return moment;
        }
    }
    Seen all;
    for (const auto& mine : seen)
        all.add(mine);
    const auto queries = table.queries() - queries_before;
    const auto after = cache.stats().source;
    moment.seen = with_commas(all.lookups - all.failed) + " answered, " + std::to_string(queries) +
                  " query in SQLite (slowed to 250 ms), " + with_commas(after.joined - before.joined) +
                  " joined it; slowest " + milliseconds_text(all.slowest);
    if (all.failed != 0) moment.seen += "; first failure: " + all.first_failure;
    moment.held = all.failed == 0 && queries == 1 && after.loader_calls - before.loader_calls == 1;
    return moment;
}

Moment redis_dies_under_load(const PackageCache& cache, const Backends& backends, Traffic& traffic,
                             const Outage& outage, Seen& all) {
    constexpr auto look_every = 20ms;
    constexpr auto patience = 15s;
    const auto print_every = std::max<milliseconds>(500ms, (outage.before + outage.after) / 10);
    const auto start = steady_clock::now();
    const auto redis = [&] { return cache.stats().tiers.front(); };

    auto printed = start;
    Seen since_printed;
    const auto collect = [&](Seen* into) {
        const auto part = traffic.take();
        all.add(part);
        since_printed.add(part);
        if (into) into->add(part);
    };
    const auto print = [&](const std::string& remark) {
        const auto now = steady_clock::now();
        print_traffic(now - start, since_printed, now - printed, remark);
        since_printed = {};
        printed = now;
    };
    const auto drive_for = [&](milliseconds time, Seen* into, auto&& enough) {
        const auto end = steady_clock::now() + time;
        while (steady_clock::now() < end && !enough()) {
            std::this_thread::sleep_for(look_every);
            collect(into);
            if (steady_clock::now() - printed >= print_every) print("");
        }
    };
    const auto never = [] { return false; };

    drive_for(outage.before, nullptr, never);
    drive_for(patience, nullptr, [&] { return redis().hits > 0; }); // on a busy machine
    const auto hits_alive = redis().hits;
    const bool real = !outage.redis_pid_file.empty();
    std::string how = "the backend standing in for Redis is closed";
    if (real) {
        const auto pid = read_pid(outage.redis_pid_file);
        if (::kill(pid, SIGKILL) != 0) {
            throw std::runtime_error("cannot kill redis-server, process " + std::to_string(pid) + ": " +
                                     std::strerror(errno));
        }
        how = "kill -9 " + std::to_string(pid) + " (redis-server)";
    } else {
        backends.redis->close();
    }
    const auto killed = steady_clock::now();
    collect(nullptr);
    print("<- " + how);

    // Hits that were already on their way may still be counted: what comes after the first errors comes from a
    // server that is back.
    const auto errors_alive = redis().error_count();
    Seen outage_seen;
    drive_for(patience, &outage_seen, [&] { return redis().error_count() > errors_alive && outage_seen.lookups > 0; });
    const auto hits_dead = redis().hits;
    drive_for(outage.after, &outage_seen, [&] { return redis().hits > hits_dead; });
    const bool back = redis().hits > hits_dead;
    const auto away = steady_clock::now() - killed;
    if (back) {
        print("<- Redis answers again");
        const auto left = outage.after - duration_cast<milliseconds>(away);
        if (left > 0ms) drive_for(left, nullptr, never);
    }

    const auto errors = redis().error_count() - errors_alive;
    Moment moment{real ? "redis-server is killed (kill -9) under load: no lookup fails"
                       : "the second tier fails under load: no lookup fails",
                  "", false};
    moment.seen = with_commas(outage_seen.lookups) + " lookups in " + seconds_text(away) + " without it, " +
                  with_commas(outage_seen.failed) + " failed" + (back ? "; then it was back" : "") + "\n         (" +
                  with_commas(errors) + " keys met a failing tier, each a miss there; slowest lookup " +
                  milliseconds_text(outage_seen.slowest) + ")";
    if (all.failed != 0) moment.seen += "; first failure: " + all.first_failure;
    moment.held = hits_alive > 0 && errors > 0 && outage_seen.lookups > 0 && all.failed == 0;
    return moment;
}

Moment priming_after_restart(const Backends& backends, PackageTable& table, std::span<const std::string> names_by_rank,
                             std::uint64_t memory_entries, std::uint64_t seed, double ratio_before) {
    constexpr std::uint64_t first_lookups = 500;

    const auto cold_cache = make_package_cache(backends, table, memory_entries);
    const auto cold = look_up_many(cold_cache, names_by_rank, seed, first_lookups);

    const auto primed_cache = make_package_cache(backends, table, memory_entries);
    const auto hot = names_by_rank.first(std::min<std::size_t>(names_by_rank.size(), memory_entries));
    const auto report = primed_cache.prime(hot, {.batch = 50}).value();
    const auto primed = look_up_many(primed_cache, names_by_rank, seed, first_lookups);

    Moment moment{"the process restarts cold: priming brings the hit ratio back", "", false};
    moment.seen = "found in memory: " + percent(ratio_before) + " before, " + percent(cold.memory_ratio()) +
                  " in the first " + std::to_string(first_lookups) + " lookups unprimed, " +
                  percent(primed.memory_ratio()) + " primed\n         (" + std::to_string(report.counts.settled()) +
                  " keys in " + milliseconds_text(report.elapsed) + ": " + std::to_string(report.counts.from_tiers) +
                  " from the tiers, " + std::to_string(report.counts.loaded) + " from SQLite)";
    const auto failed = cold.failed + primed.failed + report.counts.failed;
    if (failed != 0) moment.seen += "; " + std::to_string(failed) + " lookups failed: " + cold.first_failure;
    moment.held = failed == 0 && primed.memory_ratio() >= ratio_before - 0.1 &&
                  primed.memory_ratio() >= cold.memory_ratio() + 0.05;
    return moment;
}

} // namespace package_lookup
