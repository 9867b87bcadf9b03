#include <tiercel/stats.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace tiercel {

using std::chrono::nanoseconds;

// Buckets 0 to 7 hold 0 to 7 ns exactly; after that each power of two is cut into eight.
std::size_t LatencyHistogram::bucket_of(nanoseconds duration) noexcept {
    const auto ns = static_cast<std::uint64_t>(std::max<nanoseconds::rep>(0, duration.count()));
    if (ns < 8) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - 4;
    const auto bucket = (shift + 1) * 8 + ((ns >> shift) & 7);
    return std::min<std::size_t>(bucket, bucket_count - 1);
}

nanoseconds LatencyHistogram::upper_bound(std::size_t bucket) noexcept {
    if (bucket < 8) return nanoseconds(bucket);
    const auto shift = bucket / 8 - 1;
    const auto lowest = (8 + bucket % 8) << shift;
    return nanoseconds(static_cast<nanoseconds::rep>(lowest + (std::uint64_t{1} << shift) - 1));
}

std::uint64_t LatencyHistogram::count() const noexcept {
    return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

nanoseconds LatencyHistogram::quantile(double q) const noexcept {
    const auto total = count();
    if (total == 0) return nanoseconds::zero();
    const auto wanted = std::max<double>(1.0, q * static_cast<double>(total));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        seen += buckets[i];
        if (static_cast<double>(seen) >= wanted) return upper_bound(i);
    }
    return upper_bound(bucket_count - 1);
}

std::string_view to_string(BreakerState state) noexcept {
    static constexpr std::array<std::string_view, 3> names = {"closed", "open", "half_open"};
    const auto index = static_cast<std::size_t>(state);
    return index < names.size() ? names[index] : "unknown";
}

std::uint64_t TierStats::error_count() const noexcept {
    return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0});
}

namespace {

std::string duration_text(nanoseconds duration) {
    char text[32];
    const auto ns = static_cast<double>(duration.count());
    if (ns < 1e3)
        std::snprintf(text, sizeof text, "%.0f ns", ns);
    else if (ns < 1e6)
        std::snprintf(text, sizeof text, "%.1f us", ns / 1e3);
    else if (ns < 1e9)
        std::snprintf(text, sizeof text, "%.1f ms", ns / 1e6);
    else
        std::snprintf(text, sizeof text, "%.2f s", ns / 1e9);
    return text;
}

std::string bytes_text(std::uint64_t bytes) {
    char text[32];
    const auto n = static_cast<double>(bytes);
    if (n < 1024)
        std::snprintf(text, sizeof text, "%.0f B", n);
    else if (n < 1024 * 1024)
        std::snprintf(text, sizeof text, "%.1f KiB", n / 1024);
    else if (n < 1024.0 * 1024 * 1024)
        std::snprintf(text, sizeof text, "%.1f MiB", n / 1024 / 1024);
    else
        std::snprintf(text, sizeof text, "%.1f GiB", n / 1024 / 1024 / 1024);
    return text;
}

/// "12,345,678"; from a hundred million on "123.5 M", so that columns keep their width.
std::string count_text(std::uint64_t count) {
    if (count >= 100'000'000) {
        static constexpr std::array units{" M", " G", " T", " P", " E"};
        auto scaled = static_cast<double>(count) / 1e6;
        std::size_t unit = 0;
        for (; scaled >= 100'000 && unit + 1 < units.size(); ++unit)
            scaled /= 1000;
        char text[32];
        std::snprintf(text, sizeof text, "%.1f%s", scaled, units[unit]);
        return text;
    }
    auto text = std::to_string(count);
    for (auto at = text.size(); at > 3; at -= 3)
        text.insert(at - 3, ",");
    return text;
}

/// "81.2 %"; never rounded to a "100.0 %" or "0.0 %" that is not so.
std::string percent_text(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    auto tenths =
        static_cast<std::uint64_t>(std::llround(1000.0 * static_cast<double>(part) / static_cast<double>(whole)));
    if (tenths >= 1000 && part < whole) tenths = 999;
    if (tenths == 0 && part > 0) tenths = 1;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

/// The columns of the table, in order; `name` is cut to fit.
struct Row {
    std::string name;
    std::string hits;
    std::string misses;
    std::string ratio;
    std::string errors;
    std::array<std::string, 3> latency;
    std::string entries;
};

void add_row(std::string& out, const Row& row) {
    char text[256];
    std::snprintf(text, sizeof text, "%-11.11s %11s %11s %9s %8s %9s %9s %9s %9s", row.name.c_str(), row.hits.c_str(),
                  row.misses.c_str(), row.ratio.c_str(), row.errors.c_str(), row.latency[0].c_str(),
                  row.latency[1].c_str(), row.latency[2].c_str(), row.entries.c_str());
    out += text;
    out += '\n';
}

std::array<std::string, 3> quantile_texts(const LatencyHistogram& latency) {
    if (latency.count() == 0) return {"-", "-", "-"};
    return {duration_text(latency.quantile(0.5)), duration_text(latency.quantile(0.99)),
            duration_text(latency.quantile(0.999))};
}

void add_stored_row(std::string& out, const std::string& name, const std::string& values, const std::string& before,
                    const std::string& after, const std::string& ratio) {
    char text[256];
    std::snprintf(text, sizeof text, "%-11.11s %11s %11s %11s %8s\n", name.c_str(), values.c_str(), before.c_str(),
                  after.c_str(), ratio.c_str());
    out += text;
}

} // namespace

std::string to_table(const CacheStats& stats) {
    const auto& memory = stats.memory;
    const auto& source = stats.source;
    const auto lookups = memory.hits + memory.misses;
    const std::string rule(94, '-');

    std::string out = "cache '" + stats.name + "': " + count_text(lookups) + " lookups, " +
                      count_text(source.loader_calls) + " calls of the loader for " + count_text(source.loads) +
                      " keys, " + count_text(source.joined) + " joined a load\n" + rule + '\n';
    add_row(out, {"tier", "hits", "misses", "hit ratio", "errors", {"p50", "p99", "p99.9"}, "entries"});
    add_row(out, {"memory", count_text(memory.hits), count_text(memory.misses), percent_text(memory.hits, lookups), "-",
                  quantile_texts(memory.hit_latency), count_text(memory.entries)});
    for (const auto& tier : stats.tiers) {
        add_row(out, {tier.name, count_text(tier.hits), count_text(tier.misses),
                      percent_text(tier.hits, tier.hits + tier.misses), count_text(tier.error_count()),
                      quantile_texts(tier.read_latency), "-"});
    }
    add_row(out, {"source", count_text(source.loads - std::min(source.loads, source.absent + source.load_failures)),
                  count_text(source.absent), "-", count_text(source.load_failures), quantile_texts(source.load_latency),
                  "-"});
    if (const auto served = std::accumulate(stats.stale.begin(), stats.stale.end(), std::uint64_t{0}); served != 0) {
        const auto of = [&](StaleReason reason) { return count_text(stats.stale[static_cast<std::size_t>(reason)]); };
        out += rule + "\nserved stale " + count_text(served) + ": revalidating " + of(StaleReason::revalidating) +
               ", load failed " + of(StaleReason::load_failed) + ", slow " + of(StaleReason::load_slow) +
               ", to retry later " + of(StaleReason::retry_later) + ", not to load " + of(StaleReason::not_loaded) +
               '\n';
    }
    if (memory.estimates) {
        const auto& hits = *memory.estimates;
        char text[128];
        std::snprintf(
            text, sizeof text,
            "memory hits %.1f %% lately; with half of it it would %.1f %%, twice %.1f %%, four times %.1f %%\n",
            100 * hits.hit_ratio_now, 100 * hits.hit_ratio_half, 100 * hits.hit_ratio_twice,
            100 * hits.hit_ratio_four_times);
        out += rule + '\n' + text;
    }
    if (stats.write_behind) {
        const auto& behind = *stats.write_behind;
        out += rule + "\nwritten behind " + count_text(behind.written) + " of " + count_text(behind.acknowledged) +
               " puts, coalesced " + count_text(behind.coalesced) + ", pending " + count_text(behind.pending) +
               ";\n               retried " + count_text(behind.retried) + ", dropped " + count_text(behind.dropped) +
               ", lost " + count_text(behind.lost) + '\n';
        if (behind.journal_records + behind.recovered + behind.left_in_journal + behind.journal_failures != 0) {
            out += "journal: " + count_text(behind.journal_records) + " records in " +
                   count_text(behind.journal_appends) + " appends, recovered " + count_text(behind.recovered) +
                   ", unreadable " + count_text(behind.unreadable) + ", failed " + count_text(behind.journal_failures) +
                   '\n';
        }
    }
    if (stats.recording) {
        out += rule + "\nrecorded " + count_text(stats.recording->written) + " accesses in " +
               bytes_text(stats.recording->bytes) + "; " + count_text(stats.recording->dropped) + " dropped, " +
               count_text(stats.recording->too_late) + " late" +
               (stats.recording->failed ? " (writing failed)\n" : "\n");
    }
    if (stats.tiers.empty()) return out;
    out += rule + '\n';
    add_stored_row(out, "written to", "values", "raw", "stored", "ratio");
    for (const auto& tier : stats.tiers) {
        add_stored_row(out, tier.name, count_text(tier.puts), bytes_text(tier.raw_bytes_out),
                       bytes_text(tier.bytes_out), percent_text(tier.bytes_out, tier.raw_bytes_out));
    }
    for (const auto& tier : stats.tiers) {
        const auto& breaker = tier.breaker;
        if (breaker.opened == 0) continue;
        out += "breaker: " + tier.name.substr(0, 11) + " is " + std::string(to_string(breaker.state)) + "; opened " +
               count_text(breaker.opened) + " times, probed " + count_text(breaker.probes) +
               " times;\n         skipped by " + count_text(breaker.skipped_lookups) + " lookups and " +
               count_text(breaker.skipped_writes) + " writes\n";
    }
    for (const auto& tier : stats.tiers) {
        const auto& leases = tier.leases;
        if (leases.taken + leases.waits == 0) continue;
        out += "leases: " + tier.name.substr(0, 11) + " gave " + count_text(leases.taken) + ", over from others " +
               count_text(leases.taken_over) + ";\n        released " + count_text(leases.released) + ", lost " +
               count_text(leases.lost) + ", waited for " + count_text(leases.waits) + ", in vain " +
               count_text(leases.waits_over) + '\n';
    }
    for (const auto& tier : stats.tiers) {
        if (tier.split_puts + tier.split_reads + tier.split_incomplete == 0) continue;
        out += "in chunks: " + tier.name.substr(0, 11) + " stored " + count_text(tier.split_puts) + ", read " +
               count_text(tier.split_reads) + ", missed incomplete " + count_text(tier.split_incomplete) + '\n';
    }
    return out;
}

} // namespace tiercel
