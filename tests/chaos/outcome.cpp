#include "outcome.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>

namespace tiercel::chaos {

namespace {

[[gnu::format(printf, 2, 3)]] void print(std::string& text, const char* format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text += line;
}

double ms(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

double ms(Nanos nanos) {
    return ms(std::chrono::nanoseconds(nanos));
}

void print_caches(std::string& text, const Outcome& outcome) {
    print(text, "%-24s", "cache");
    for (std::size_t i = 0; i < cache_count; ++i)
        print(text, " %22s", outcome.caches[i].features.c_str());
    text += '\n';
    const auto row = [&](const char* name, auto value) {
        print(text, "%-24s", name);
        for (const auto& cache : outcome.caches)
            print(text, " %22" PRIu64, static_cast<std::uint64_t>(value(cache)));
        text += '\n';
    };
    constexpr std::pair<const char*, Count> counts[] = {
        {"operations", Count::operations},
        {"values judged", Count::reads},
        {"  from memory", Count::from_memory},
        {"  from the tier", Count::from_tier},
        {"  from the source", Count::from_loader},
        {"  marked as stale", Count::stale_served},
        {"  too old to be sure", Count::undecided},
        {"  of others, late", Count::undone_by_others},
        {"misses", Count::misses},
        {"the source's failures", Count::reads_failed},
        {"deadlines", Count::timed_out},
        {"puts", Count::puts},
        {"invalidations", Count::invalidations},
        {"clears", Count::clears},
        {"  queued at the tier", Count::incomplete},
        {"  refused or too late", Count::writes_failed},
    };
    for (const auto& [name, count] : counts)
        row(name, [count = count](const Outcome::CacheRow& cache) { return cache.counts[count]; });
    row("loads", [](const auto& cache) { return cache.loads; });
    row("  failed on purpose", [](const auto& cache) { return cache.loads_failed; });
    row("tier errors", [](const auto& cache) { return cache.tier_errors; });
    row("damaged at the tier", [](const auto& cache) { return cache.defects; });
    row("breaker opened", [](const auto& cache) { return cache.breaker_opened; });
    row("lookups left out", [](const auto& cache) { return cache.skipped; });
    row("fenced", [](const auto& cache) { return cache.fenced; });
    row("leases lost", [](const auto& cache) { return cache.leases_lost; });
    row("repaired", [](const auto& cache) { return cache.repaired; });
    row("left at close", [](const auto& cache) { return cache.left_behind; });
}

void print_faults(std::string& text, const Outcome& outcome) {
    print(text, "\n%-14s %6s %12s %10s %10s %6s   from its end to the next hit at the tier, each client\n", "fault",
          "times", "recoveries", "median ms", "worst ms", "never");
    for (std::size_t i = 0; i < fault_kind_count; ++i) {
        const auto& row = outcome.faults[i];
        if (row.times == 0) continue;
        auto sorted = row.recoveries;
        std::sort(sorted.begin(), sorted.end());
        print(text, "%-14s %6" PRIu64 " %12zu", to_string(static_cast<FaultKind>(i)).data(), row.times, sorted.size());
        if (sorted.empty()) {
            print(text, " %10s %10s", "-", "-");
        } else {
            print(text, " %10.1f %10.1f", ms(sorted[sorted.size() / 2]), ms(sorted.back()));
        }
        print(text, " %6" PRIu64 "\n", row.never);
    }
}

void print_verdict(std::string& text, const Outcome& outcome) {
    const auto all = outcome.all();
    const auto row = [&](const char* name, std::uint64_t count, const char* more = "") {
        print(text, "%-32s %10" PRIu64 "%s\n", name, count, more);
    };
    text += "\nmust be 0\n";
    row("wrong values", outcome.wrong_values());
    row("  damaged", all[Count::damaged]);
    row("  another key's", all[Count::wrong_key]);
    row("  the source never had", all[Count::unknown]);
    row("stale reads beyond the bound", outcome.stale_reads());
    row("  past its life", all[Count::past_its_life]);
    row("  not marked", all[Count::not_marked]);
    row("  undone own changes", all[Count::undone]);
    row("stuck callers", outcome.stuck);
    row("said to be absent", all[Count::absent]);
    row("told of a tier's failure", all[Count::tier_failure]);
    row("clients that crashed", outcome.crashed);
    row("clients that did not end", outcome.endless);
    std::uint64_t never = 0;
    for (const auto& fault : outcome.faults)
        never += fault.never;
    row("clients that did not recover", never);
}

} // namespace

Counts Outcome::all() const {
    Counts sum;
    for (const auto& cache : caches)
        sum += cache.counts;
    return sum;
}

std::uint64_t Outcome::faults_in_all() const {
    std::uint64_t sum = 0;
    for (const auto& fault : faults)
        sum += fault.times;
    return sum;
}

std::uint64_t Outcome::wrong_values() const {
    const auto counts = all();
    return counts[Count::damaged] + counts[Count::wrong_key] + counts[Count::unknown];
}

std::uint64_t Outcome::stale_reads() const {
    const auto counts = all();
    return counts[Count::past_its_life] + counts[Count::not_marked] + counts[Count::undone];
}

bool Outcome::good() const {
    const auto counts = all();
    return wrong_values() == 0 && stale_reads() == 0 && stuck == 0 && crashed == 0 && endless == 0 &&
           counts[Count::absent] == 0 && counts[Count::tier_failure] == 0 &&
           std::all_of(faults.begin(), faults.end(), [](const FaultRow& fault) { return fault.never == 0; });
}

std::string to_text(const Outcome& outcome) {
    std::string text;
    print_caches(text, outcome);
    print_faults(text, outcome);
    const auto operations = static_cast<double>(outcome.all()[Count::operations]);
    print(text, "\n%.0f operations in %.1f s, %.0f a second; %" PRIu64 " faults, %" PRIu64 " bits flipped\n",
          operations, outcome.lasted.count(), operations / outcome.lasted.count(), outcome.faults_in_all(),
          outcome.corrupted_bits);
    print(text, "longest that a value was served after the source had a newer one: %.0f ms\n",
          ms(outcome.oldest_behind));
    print(text, "longest that a value was served beyond its life and `keep`: %.0f ms; allowed: %u ms\n",
          ms(outcome.oldest_beyond), static_cast<unsigned>(source_timeout.count()) + outcome.run.margin_ms);
    print(text, "longest that this machine kept the leader waiting: %.0f ms\n", ms(outcome.longest_wait));
    print_verdict(text, outcome);
    return text;
}

std::string replay_of(const Run& run) {
    std::string text = "tiercel_chaos --server " + std::string(to_string(run.server));
    const auto add = [&](const char* name, std::uint64_t value) {
        text += std::string(" --") + name + " " + std::to_string(value);
    };
    add("seed", run.seed);
    add("processes", run.processes);
    add("threads", run.threads);
    add("keys", run.keys);
    if (run.operations != 0) {
        add("operations", run.operations);
    } else {
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, " --seconds %g", run.seconds);
        text += seconds;
    }
    return text;
}

} // namespace tiercel::chaos
