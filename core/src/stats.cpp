#include <tiercel/stats.hpp>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <numeric>

namespace tiercel {

using std::chrono::nanoseconds;

// Buckets 0 to 7 hold 0 to 7 ns exactly; after that each power of two is cut into eight.
std::size_t LatencyHistogram::bucket_of(nanoseconds duration) noexcept {
    const auto ns = static_cast<std::uint64_t>(std::max<nanoseconds::rep>(0, duration.count()));
    if (ns < 8) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 4;
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
    else
        std::snprintf(text, sizeof text, "%.1f MiB", n / 1024 / 1024);
    return text;
}

template <class... Args>
void line(std::string& out, const char* format, Args... args) {
    char text[256];
    std::snprintf(text, sizeof text, format, args...);
    out += text;
    out += '\n';
}

void row(std::string& out, const std::string& name, std::uint64_t hits, std::uint64_t misses, std::uint64_t errors,
         const LatencyHistogram& latency, const std::string& stored) {
    const auto asked = hits + misses;
    line(out, "  %-12s %10llu %10llu %7.1f%% %8llu %10s %10s %10s  %s", name.c_str(),
         static_cast<unsigned long long>(hits), static_cast<unsigned long long>(misses),
         asked == 0 ? 0.0 : 100.0 * static_cast<double>(hits) / static_cast<double>(asked),
         static_cast<unsigned long long>(errors), duration_text(latency.quantile(0.5)).c_str(),
         duration_text(latency.quantile(0.99)).c_str(), duration_text(latency.quantile(0.999)).c_str(), stored.c_str());
}

} // namespace

std::string to_table(const CacheStats& stats) {
    std::string out;
    line(out, "cache '%s'", stats.name.c_str());
    line(out, "  %-12s %10s %10s %8s %8s %10s %10s %10s  %s", "tier", "hits", "misses", "ratio", "errors", "p50", "p99",
         "p99.9", "holds / wrote");
    row(out, "memory", stats.memory.hits, stats.memory.misses, 0, stats.memory.hit_latency,
        std::to_string(stats.memory.entries) + " entries");
    for (const auto& tier : stats.tiers) {
        row(out, tier.name, tier.hits, tier.misses, tier.error_count(), tier.read_latency,
            bytes_text(tier.raw_bytes_out) + " as " + bytes_text(tier.bytes_out));
    }
    const auto& source = stats.source;
    line(out, "  %-12s %10llu %10s %8s %8llu %10s %10s %10s  %llu calls, %llu absent, %llu joined", "source",
         static_cast<unsigned long long>(source.loads), "", "", static_cast<unsigned long long>(source.load_failures),
         duration_text(source.load_latency.quantile(0.5)).c_str(),
         duration_text(source.load_latency.quantile(0.99)).c_str(),
         duration_text(source.load_latency.quantile(0.999)).c_str(),
         static_cast<unsigned long long>(source.loader_calls), static_cast<unsigned long long>(source.absent),
         static_cast<unsigned long long>(source.joined));
    return out;
}

} // namespace tiercel
