#include "chain.hpp"

#include "options_check.hpp"
#include "planted_bug.hpp"
#include "write_path.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace tiercel::chain {

using detail::EntryPtr;
using std::chrono::nanoseconds;

namespace {

constexpr std::size_t max_fences = 65'536;
constexpr std::size_t max_failing_keys = 65'536;
constexpr std::chrono::seconds expiry_interval{1};
constexpr std::size_t max_erased_together = 1'000; ///< of recovered keys: a tier's timeout is for each call

memory::StoreOptions store_options(const detail::EngineOptions& options, std::shared_ptr<memory::AccessTap> tap,
                                   Counter& listener_failures) {
    memory::StoreOptions store;
    store.max_entries = options.max_entries;
    store.max_weight = options.max_weight;
    store.eviction = options.eviction;
    store.shards = options.shards;
    store.expire_after_access = options.expiry.max_idle;
    store.keep_stale = options.stale.keep;
    store.holds_key = options.types.holds_key;
    store.tap = std::move(tap);
    store.tapped_part = options.record_accesses.sample;
    store.estimate_capacities = options.estimate_capacities;
    if (options.on_removal) {
        store.on_removal = [listener = options.on_removal, &listener_failures](const detail::Entry& entry,
                                                                               RemovalCause cause) {
            try {
                listener(entry, cause);
            } catch (...) {
                listener_failures.add();
            }
        };
    }
    return store;
}

} // namespace

Chain::Chain(detail::EngineOptions chain_options, std::shared_ptr<spi::Runtime> chain_runtime,
             std::shared_ptr<AccessRecorder> access_recorder)
    : options(std::move(chain_options)),
      runtime(std::move(chain_runtime)),
      scope(std::make_shared<Scope>()),
      fences(std::make_shared<Fences>(*runtime, max_fences)),
      sources(std::make_shared<Sources>(runtime, options.loading, scope)),
      events(std::make_shared<Events>(options.name, options.on_event, runtime, scope)),
      recorder(std::move(access_recorder)),
      store(store_options(options, recorder, listener_failures), *runtime),
      flights(options.types.key_equal),
      failing(max_failing_keys),
      refresh_rule(options.refresh),
      pauses(std::make_shared<Pauses>()) {
    on_close.add(pauses, [resting = pauses.get()] { resting->cut_short(); });
    for (const auto& tier : options.tiers) {
        tiers.push_back(
            std::make_shared<Tier>(tier, Tier::Context{options.name, runtime, fences, scope, events, options.types,
                                                       options.max_value_bytes, options.stale.keep, options.refresh}));
        on_close.add(tiers.back(), [tier = tiers.back().get()] { tier->give_up_probe(); });
        auto nearer = repairs.empty() ? nullptr : repairs.back();
        repairs.push_back(std::make_shared<Repairs>(tiers.back(), std::move(nearer), fences, runtime, scope, events));
        on_close.add(repairs.back(), [owed = repairs.back().get()] { owed->give_up(); });
    }
}

Result<WireKey> Chain::wire_key(const detail::Entry& entry) const {
    WireKey key;
    if (scope->over()) return closed_error();
    try {
        if (auto encoded = options.types.encode_key(entry, key.bytes); !encoded) return encoded.error();
    } catch (...) {
        return Error(Errc::codec_failed, "the key's codec threw");
    }
    if (key.bytes.size() > options.max_key_bytes) {
        return Error(Errc::invalid_key, "a key of " + std::to_string(key.bytes.size()) + " bytes is over the " +
                                            std::to_string(options.max_key_bytes) +
                                            " of CacheOptions::max_key_bytes; raise it, or shorten the key");
    }
    key.fingerprint = wire::fingerprint(key.bytes);
    return key;
}

WireValue Chain::wire_value(const detail::Entry& entry, std::optional<nanoseconds> life) const {
    WireValue value;
    value.negative = !entry.has_value();
    value.version = entry.version;
    value.created = entry.created;
    value.life = life;
    if (value.negative) return value;
    if (scope->over()) {
        value.framed = closed_error();
        return value;
    }
    try {
        value.framed->resize(wire::header_bytes);
        if (const auto encoded = options.types.encode_value(entry, *value.framed); !encoded) {
            value.framed = encoded.error();
        } else if (value.framed->size() < wire::header_bytes) {
            value.framed = Error(Errc::codec_failed, "the value's codec took bytes away; encode() must append");
        }
    } catch (...) {
        value.framed = Error(Errc::codec_failed, "the value's codec threw");
    }
    return value;
}

Result<Bytes> Chain::journal_value(const detail::Entry& entry) const {
    Bytes bytes;
    if (scope->over()) return closed_error();
    try {
        if (const auto encoded = options.types.encode_value(entry, bytes); !encoded) return encoded.error();
    } catch (...) {
        return Error(Errc::codec_failed, "the value's codec threw");
    }
    if (bytes.size() > options.max_value_bytes) {
        return Error(Errc::value_too_large, "a value of " + std::to_string(bytes.size()) + " bytes is over the " +
                                                std::to_string(options.max_value_bytes) +
                                                " of CacheOptions::max_value_bytes, and is not journalled; raise it");
    }
    return bytes;
}

std::optional<nanoseconds> Chain::life_of(std::optional<nanoseconds> ttl) const {
    auto whole = ttl ? ttl : options.expiry.ttl;
    if (whole) whole = std::min(*whole, detail::longest_life);
    if (!whole || options.expiry.jitter <= 0) return whole;
    const double share = static_cast<double>(runtime->random() >> 11) * 0x1p-53 * options.expiry.jitter;
    const auto cut = nanoseconds(std::llround(static_cast<double>(whole->count()) * share));
    return std::max(nanoseconds(1), planted(Bug::jitter_lengthens_life) ? *whole + cut : *whole - cut);
}

detail::Nanos Chain::memory_expiry(SteadyTime now, std::optional<nanoseconds> life) const {
    auto bounded = life;
    if (options.max_memory_ttl && !planted(Bug::memory_ttl_is_not_capped))
        bounded = life ? std::min(*life, *options.max_memory_ttl) : *options.max_memory_ttl;
    if (!bounded) return detail::never;
    const auto start = detail::to_nanos(now);
    return bounded->count() >= detail::never - start ? detail::never : start + bounded->count();
}

nanoseconds Chain::max_staleness(const CallOptions& call) const {
    if (call.require == Require::fresh && !planted(Bug::stale_is_served_to_all)) return nanoseconds::zero();
    if (planted(Bug::max_staleness_is_ignored)) return options.stale.keep;
    return std::min(call.max_staleness.value_or(options.stale.keep), options.stale.keep);
}

Result<void> Chain::begin_write_behind(std::shared_ptr<spi::Journal> journal) {
    if (options.write_behind.acknowledge == Acknowledge::source) return {};
    auto invalidate = [weak = weak_from_this()](const EntryPtr& probe) {
        if (const auto self = weak.lock()) drop_doubtful(self, probe);
    };
    write_behind = std::make_shared<WriteBehind>(
        options, std::move(journal), WriteBehind::Parts{runtime, scope, sources, events, std::move(invalidate)});
    on_close.add(write_behind, [behind = write_behind.get()] { behind->drain(); });
    auto recovered = write_behind->recover();
    if (!recovered) return recovered.error();
    if (tiers.empty()) return {};
    // The process may have ended between the journal and the tiers. All at once: each key's fence is raised before
    // anybody can ask for it.
    for (auto rest = std::span(*recovered); !rest.empty();) {
        const auto portion = rest.first(std::min(rest.size(), max_erased_together));
        rest = rest.subspan(portion.size());
        (void)erase(shared_from_this(), {portion.begin(), portion.end()}, {}, [](const detail::Reports&) {});
    }
    return {};
}

bool Chain::publish(detail::EntryPtr entry, const std::atomic<std::uint64_t>& superseded) {
    if (scope->over()) return false;
    if (options.weigher && entry->has_value()) {
        try {
            entry->weight = options.weigher(*entry);
        } catch (...) {
            entry->weight = std::uint64_t(-1);
        }
    }
    const bool can_die = entry->expires != detail::never || options.expiry.max_idle;
    const bool stored = store.insert(std::move(entry), superseded, 0) == memory::Insert::stored;
    if (stored && can_die) arm_expiry();
    return stored;
}

void Chain::arm_expiry() {
    if (expiry_armed_.exchange(true, std::memory_order_relaxed)) return;
    runtime->call_at(runtime->now() + expiry_interval, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->scope->over()) return;
        // A removal listener is user code: it must not hold up the event loop.
        if (!self->options.on_removal) {
            self->expire_memory();
        } else if (!self->runtime->run_blocking([self] { self->expire_memory(); })) {
            self->expiry_armed_.store(false, std::memory_order_relaxed);
            self->arm_expiry();
        }
    });
}

void Chain::expire_memory() {
    if (!scope->begin()) return; // close() tells the listener of the rest, and must not return while this does
    store.expire();
    scope->end();
    expiry_armed_.store(false, std::memory_order_relaxed);
    if (store.stats().entries != 0) arm_expiry();
}

Error Chain::closed_error() const {
    return Error(Errc::closed, "cache '" + options.name + "' is closed");
}

SteadyTime Chain::after(nanoseconds duration) const {
    const auto now = runtime->now();
    const auto room = SteadyTime::max() - now;
    return duration >= room ? SteadyTime::max() : now + std::chrono::duration_cast<SteadyTime::duration>(duration);
}

bool Chain::has_tiers(Skip skip) const {
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        if (!skip.has_tier(i)) return true;
    }
    return false;
}

bool Chain::has_tiers_in_use(Skip skip) const {
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        if (!skip.has_tier(i) && tiers[i]->in_use()) return true;
    }
    return false;
}

std::optional<Error> check(const CallOptions& options) {
    if (options.timeout && *options.timeout <= nanoseconds::zero()) {
        return Error(Errc::invalid_option, "CallOptions::timeout must be positive; leave it empty for the cache's own");
    }
    if (options.ttl && *options.ttl <= nanoseconds::zero()) {
        return Error(Errc::invalid_option, "CallOptions::ttl must be positive; leave it empty for the cache's own");
    }
    if (options.ttl && *options.ttl > detail::longest_life) {
        return Error(
            Errc::invalid_option,
            "CallOptions::ttl is over 100 years; leave ExpiryOptions::ttl empty for values that do not expire");
    }
    if (options.max_staleness && *options.max_staleness < nanoseconds::zero()) {
        return Error(
            Errc::invalid_option,
            "CallOptions::max_staleness must not be negative; 0 allows nothing stale, empty what the cache keeps");
    }
    return std::nullopt;
}

} // namespace tiercel::chain
