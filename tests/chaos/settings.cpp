#include "settings.hpp"

#include <random>

namespace tiercel::chaos {

namespace {

using std::chrono::milliseconds;

Nanos nanos(milliseconds duration) {
    return std::chrono::nanoseconds(duration).count();
}

} // namespace

std::string_view to_string(ServerKind kind) noexcept {
    return kind == ServerKind::redis ? "redis" : "memcached";
}

Bounds CacheSettings::bounds(const Run& run) const {
    return {.life = nanos(ttl),
            .keep = nanos(keep),
            .margin = nanos(source_timeout + milliseconds(run.margin_ms)),
            .across_processes = leases && !puts};
}

std::string CacheSettings::features() const {
    std::string text;
    const auto add = [&](bool has, const char* name, const char* none) { text += has ? name : none; };
    add(leases, "lease ", "- ");
    add(keep.count() != 0, "stale ", "- ");
    add(compression, "zstd ", "- ");
    add(puts, "put", "invalidate");
    return text;
}

std::array<CacheSettings, cache_count> settings_of(const Run& run) {
    std::mt19937_64 random(run.seed);
    const auto between = [&](std::int64_t least, std::int64_t most) {
        return milliseconds(least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1)));
    };
    std::array<CacheSettings, cache_count> all;
    for (std::uint32_t i = 0; i < cache_count; ++i) {
        const bool first = (i & 1U) != 0;
        const bool second = (i & 2U) != 0;
        auto& cache = all[i];
        cache.leases = first;
        cache.compression = second;
        const bool stale = (first != second) != ((run.seed & 1U) != 0);
        cache.keep = stale ? between(1'000, 2'000) : milliseconds(0);
        cache.ttl = between(300, 1'500);
        cache.puts = random() % 2 == 0;
        cache.while_revalidate = random() % 2 == 0;
        cache.source_fails = random() % 2 == 0;
        cache.refresh_ahead = random() % 2 == 0 ? 0.8 : 0.0;
        cache.memory_entries = run.keys / 4 + static_cast<std::uint32_t>(random() % run.keys);
    }
    return all;
}

} // namespace tiercel::chaos
