#include "options_check.hpp"

#include "wire/manifest.hpp"

#include <tiercel/spi/backend.hpp>

#include <bit>
#include <chrono>
#include <set>
#include <string>

namespace tiercel::detail {

using std::chrono::nanoseconds;

namespace {

constexpr std::size_t most_tiers = 31; // what Skip can name

Error wrong(const std::string& field, const std::string& why) {
    return Error(Errc::invalid_option, "CacheOptions::" + field + " " + why);
}

std::optional<Error> check_life(const std::string& field, const std::optional<nanoseconds>& life) {
    if (!life) return std::nullopt;
    if (*life <= nanoseconds::zero()) return wrong(field, "must be positive; leave it empty for no limit");
    if (*life > longest_life) return wrong(field, "is over 100 years; leave it empty for no limit");
    return std::nullopt;
}

std::optional<Error> check_positive(const std::string& field, nanoseconds duration) {
    if (duration <= nanoseconds::zero()) return wrong(field, "must be positive: no call may wait for ever");
    return std::nullopt;
}

std::optional<Error> check_memory(const EngineOptions& options) {
    const bool weighs = options.weigher != nullptr;
    if (auto refused = check_bounds({options.max_entries, options.max_weight}, weighs)) return refused;
    if (weighs && options.max_weight == 0) return wrong("memory.weigher", "has no use without memory.max_weight");
    if (options.shards != 0 && !std::has_single_bit(options.shards)) {
        return wrong("memory.shards", "is " + std::to_string(options.shards) + "; give a power of two, or 0");
    }
    if (options.max_entries != 0 && options.shards > options.max_entries) {
        return wrong("memory.shards", "is more than memory.max_entries; each shard must hold at least one entry");
    }
    return check_life("memory.max_ttl", options.max_memory_ttl);
}

/// A backend without a limit is no contradiction: the rule is for values that it does not have.
std::optional<Error> check_split(const TierOptions& tier, const std::string& field) {
    if (!tier.max_ttl) {
        return wrong(field + "large_values", "is split, which needs " + field +
                                                 "max_ttl: the chunks of overwritten values take memory for that long; "
                                                 "give the longest life that a value needs in this tier");
    }
    const auto limit = (*tier.backend)->capabilities().max_value_bytes;
    if (limit != 0 && limit < wire::manifest_bytes) {
        return wrong(field + "large_values", "is split, but the backend takes no more than " + std::to_string(limit) +
                                                 " bytes, and a manifest has " + std::to_string(wire::manifest_bytes) +
                                                 "; use skip");
    }
    return std::nullopt;
}

std::optional<Error> check_breaker(const BreakerOptions& breaker, const std::string& field) {
    if (breaker.back_off_min <= nanoseconds::zero()) {
        return wrong(field + "back_off_min", "must be positive; the default is 50 ms");
    }
    if (breaker.back_off_max < breaker.back_off_min) return wrong(field + "back_off_max", "is below back_off_min");
    if (breaker.back_off_max > std::chrono::hours(24)) {
        return wrong(field + "back_off_max", "is over a day: that long a tier that is back would not be noticed");
    }
    return std::nullopt;
}

std::optional<Error> check_leases(const EngineOptions& options, std::size_t i, const std::string& field) {
    constexpr std::chrono::hours longest{1};
    const auto& leases = options.tiers[i].leases;
    if (leases.ttl < nanoseconds::zero()) return wrong(field + "ttl", "must not be negative; 0 takes no leases");
    if (leases.wait < nanoseconds::zero()) return wrong(field + "wait", "must not be negative; 0 waits for nobody");
    if (leases.wait > longest) return wrong(field + "wait", "is over an hour");
    if (leases.ttl == nanoseconds::zero()) return std::nullopt;
    if (leases.ttl < std::chrono::milliseconds(1)) return wrong(field + "ttl", "is below 1 ms; loads take longer");
    if (leases.ttl > longest) return wrong(field + "ttl", "is over an hour; give what your slowest loads take");
    if (i + 1 != options.tiers.size()) {
        return wrong(field + "ttl", "is set, but only the last tier can have leases: what the tiers below it find is "
                                    "stored without a load");
    }
    if (!(*options.tiers[i].backend)->capabilities().conditional_writes) {
        return wrong(field + "ttl", "is set, but backend '" + std::string((*options.tiers[i].backend)->name()) +
                                        "' has no conditional writes to make leases of; leave it at 0");
    }
    return std::nullopt;
}

std::optional<Error> check_tier(const EngineOptions& options, std::size_t i, std::set<std::string>& names) {
    const auto& tier = options.tiers[i];
    const auto field = "tiers[" + std::to_string(i) + "].";
    if (!tier.backend) return wrong(field + "backend", "is an error: " + tier.backend.error().message());
    if (!*tier.backend) return wrong(field + "backend", "is empty; give what a connect function returned");
    const auto name = tier.name.empty() ? std::string((*tier.backend)->name()) : tier.name;
    if (!names.insert(name).second) {
        return wrong(field + "name", "is '" + name + "' a second time; names within a chain must differ");
    }
    if (auto error = check_life(field + "max_ttl", tier.max_ttl)) return error;
    if (tier.large_values == LargeValues::split) {
        if (auto error = check_split(tier, field)) return error;
    }
    if (auto error = check_positive(field + "timeout", tier.timeout)) return error;
    if (auto error = check_breaker(tier.breaker, field + "breaker.")) return error;
    return check_leases(options, i, field + "leases.");
}

std::optional<Error> check_stale(const EngineOptions& options) {
    const auto& stale = options.stale;
    if (stale.keep < nanoseconds::zero()) return wrong("stale.keep", "must not be negative; 0 serves nothing stale");
    if (stale.keep > longest_life) return wrong("stale.keep", "is over 100 years");
    if (stale.soft_timeout && *stale.soft_timeout <= nanoseconds::zero()) {
        return wrong("stale.soft_timeout", "must be positive; set stale.while_revalidate not to wait at all");
    }
    if (stale.soft_timeout && stale.keep == nanoseconds::zero()) {
        return wrong("stale.soft_timeout", "has no use without stale.keep, which is 0: there is nothing to serve then");
    }
    if (stale.soft_timeout && stale.while_revalidate) {
        return wrong("stale.soft_timeout",
                     "has no use with stale.while_revalidate, which does not wait at all; set that "
                     "to false");
    }
    if (stale.retry_after < nanoseconds::zero()) return wrong("stale.retry_after", "must not be negative");
    if (stale.retry_after > longest_life) return wrong("stale.retry_after", "is over 100 years");
    return std::nullopt;
}

std::optional<Error> check_acknowledge(const EngineOptions& options) {
    const auto& behind = options.write_behind;
    if (behind.acknowledge == Acknowledge::source) return std::nullopt;
    const std::string kind = behind.acknowledge == Acknowledge::memory ? "memory" : "journal";
    if (!options.writer) {
        return wrong("write_behind.acknowledge", "is " + kind + ", which needs CacheOptions::writer to write with");
    }
    if (options.types.copy_value == nullptr) {
        return wrong("write_behind.acknowledge",
                     "is " + kind +
                         ", which needs a value type that can be copied: lookups are given the pending value");
    }
    if (behind.acknowledge != Acknowledge::journal) return std::nullopt;
    if (!*behind.journal) return wrong("write_behind.journal", "is missing; make one with tiercel::open_journal");
    if (options.types.encode_value == nullptr) {
        return wrong("write_behind.journal", "needs codecs, and the key or value type has none; include "
                                             "<tiercel/described.hpp> for described structs, or specialise "
                                             "tiercel::Codec");
    }
    return std::nullopt;
}

std::optional<Error> check_write_behind(const EngineOptions& options) {
    const auto& behind = options.write_behind;
    if (!behind.journal) {
        return Error(behind.journal.error().code(),
                     "CacheOptions::write_behind.journal: " + behind.journal.error().message());
    }
    if (*behind.journal && behind.acknowledge != Acknowledge::journal) {
        return wrong("write_behind.journal", "has no use unless write_behind.acknowledge is journal");
    }
    if (auto error = check_acknowledge(options)) return error;
    if (behind.max_writes == 0) return wrong("write_behind.max_writes", "is 0; give at least 1");
    if (behind.max_bytes != 0 && behind.acknowledge != Acknowledge::journal) {
        return wrong("write_behind.max_bytes",
                     "needs write_behind.acknowledge to be journal: only there is the size of "
                     "a value known");
    }
    if (behind.max_batch == 0) return wrong("write_behind.max_batch", "is 0; give at least 1");
    if (behind.delay < nanoseconds::zero()) return wrong("write_behind.delay", "must not be negative; 0: no delay");
    if (behind.delay > std::chrono::hours(1)) return wrong("write_behind.delay", "is over an hour");
    if (behind.retry_min <= nanoseconds::zero()) {
        return wrong("write_behind.retry_min", "must be positive; the default is 100 ms");
    }
    if (behind.retry_max < behind.retry_min) return wrong("write_behind.retry_max", "is below retry_min");
    if (behind.retry_max > std::chrono::hours(24)) return wrong("write_behind.retry_max", "is over a day");
    return std::nullopt;
}

std::optional<Error> check_refresh(const RefreshOptions& refresh) {
    if (!(refresh.ahead >= 0 && refresh.ahead < 1)) {
        return wrong("refresh.ahead", "must be at least 0 and below 1: it is a share of the life");
    }
    if (!(refresh.early >= 0 && refresh.early <= 1000)) {
        return wrong("refresh.early", "must be from 0 to 1,000: it is a number of load times, and 1 the usual one");
    }
    return std::nullopt;
}

} // namespace

std::optional<Error> check_bounds(const MemoryBounds& bounds, bool weighs) {
    if (bounds.max_entries == 0 && bounds.max_weight == 0) {
        return wrong("memory.max_entries", "and memory.max_weight are both 0; bound memory by at least one of them");
    }
    if (bounds.max_weight != 0 && !weighs) {
        return wrong("memory.max_weight", "needs memory.weigher to say what an entry weighs");
    }
    return std::nullopt;
}

std::optional<Error> check_options(const EngineOptions& options) {
    if (options.name.empty()) return wrong("name", "is empty; name what is cached, for statistics and key prefixes");
    if (auto error = check_memory(options)) return error;

    if (options.tiers.size() > most_tiers) return wrong("tiers", "are more than 31");
    if (!options.tiers.empty() && options.types.encode_value == nullptr) {
        return wrong("tiers", "need codecs, and the key or value type has none; include <tiercel/described.hpp> for "
                              "described structs, or specialise tiercel::Codec");
    }
    std::set<std::string> names;
    for (std::size_t i = 0; i < options.tiers.size(); ++i) {
        if (auto error = check_tier(options, i, names)) return error;
    }

    if (auto error = check_life("expiry.ttl", options.expiry.ttl)) return error;
    if (!(options.expiry.jitter >= 0 && options.expiry.jitter < 1)) {
        return wrong("expiry.jitter", "must be at least 0 and below 1: it is a share of the life");
    }
    if (options.expiry.jitter > 0 && !options.expiry.ttl && !options.loader) {
        return wrong("expiry.jitter", "has no use without expiry.ttl");
    }
    if (options.expiry.negative_ttl < nanoseconds::zero()) {
        return wrong("expiry.negative_ttl", "must not be negative; 0 caches no absence");
    }
    if (options.expiry.negative_ttl > longest_life) return wrong("expiry.negative_ttl", "is over 100 years");
    if (auto error = check_life("expiry.max_idle", options.expiry.max_idle)) return error;

    if (auto error = check_stale(options)) return error;
    if (auto error = check_refresh(options.refresh)) return error;

    if (auto error = check_positive("timeouts.call", options.timeouts.call)) return error;
    if (auto error = check_positive("timeouts.source", options.timeouts.source)) return error;
    if (options.timeouts.close < nanoseconds::zero()) return wrong("timeouts.close", "must not be negative");

    if (auto error = check_write_behind(options)) return error;

    if (options.loading.max_concurrent == 0) return wrong("loading.max_concurrent", "is 0; give at least 1");
    if (options.loading.max_waiting == 0) return wrong("loading.max_waiting", "is 0; give at least 1");
    if (options.loading.max_waiters == 0) return wrong("loading.max_waiters", "is 0; give at least 1");
    if (options.loading.run_on == RunOn::caller && !options.tiers.empty()) {
        return wrong("loading.run_on", "is caller, which only a cache without tiers can honour; use workers");
    }
    if (!(options.record_accesses.sample > 0 && options.record_accesses.sample <= 1)) {
        return wrong("record_accesses.sample", "must be above 0 and at most 1: it is a part of the keys");
    }
    if (options.record_accesses.max_bytes == 0) {
        return wrong("record_accesses.max_bytes", "is 0; leave record_accesses.path empty to record nothing");
    }
    if (!options.tiers.empty() && options.max_value_bytes == 0) return wrong("max_value_bytes", "is 0");
    if (!options.tiers.empty() && options.max_key_bytes == 0) return wrong("max_key_bytes", "is 0");
    return std::nullopt;
}

} // namespace tiercel::detail
