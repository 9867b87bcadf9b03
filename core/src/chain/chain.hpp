#pragma once

#include "access_recorder.hpp"
#include "events.hpp"
#include "failing_keys.hpp"
#include "fences.hpp"
#include "flights.hpp"
#include "key_locks.hpp"
#include "memory/store.hpp"
#include "on_close.hpp"
#include "pauses.hpp"
#include "refresh_rule.hpp"
#include "repairs.hpp"
#include "scope.hpp"
#include "sources.hpp"
#include "tier.hpp"
#include "write_behind.hpp"

#include <tiercel/detail/engine.hpp>
#include <tiercel/spi/runtime.hpp>

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace tiercel::chain {

using WriteOperation = Operation<WriteReport>;

/// The parts of one cache, which the read path, the write path and priming work on.
/// Thread safety: const after construction; the parts look after themselves.
/// Lifetime: shared by everything under way.
struct Chain : std::enable_shared_from_this<Chain> {
    /// `access_recorder` may be empty: nothing is recorded.
    Chain(detail::EngineOptions chain_options, std::shared_ptr<spi::Runtime> chain_runtime,
          std::shared_ptr<AccessRecorder> access_recorder);

    const detail::EngineOptions options;
    const std::shared_ptr<spi::Runtime> runtime;
    const std::shared_ptr<Scope> scope;
    const std::shared_ptr<Fences> fences;
    const std::shared_ptr<Sources> sources;
    const std::shared_ptr<Events> events;
    std::vector<std::shared_ptr<Tier>> tiers;
    std::vector<std::shared_ptr<Repairs>> repairs;  ///< of each tier
    const std::shared_ptr<AccessRecorder> recorder; ///< null: nothing is recorded
    memory::Store store;
    Flights flights;
    FailingKeys failing;
    const RefreshRule refresh_rule;
    MeanLoadTime load_time;
    KeyLocks key_locks;
    Operations<detail::Answer> reads;
    Operations<WriteReport> writes;
    OnClose on_close;
    const std::shared_ptr<Pauses> pauses;      ///< of those who wait for a lease
    std::shared_ptr<WriteBehind> write_behind; ///< null with Acknowledge::source; made by begin_write_behind()

    Counter loads, load_failures, absent, refreshes, unchanged, key_writes, write_failures, listener_failures;
    std::array<Counter, stale_reason_count> stale_served;
    LatencyCounter load_latency;

    /// The key as the tiers know it.
    /// Errors: codec_failed; invalid_key when it is longer than CacheOptions::max_key_bytes.
    Result<WireKey> wire_key(const detail::Entry& entry) const;
    /// The value as the tiers take it; an error inside if it cannot be encoded.
    WireValue wire_value(const detail::Entry& entry, std::optional<std::chrono::nanoseconds> life) const;

    /// The value as a journal keeps it.
    /// Errors: codec_failed; value_too_large when it is over CacheOptions::max_value_bytes; closed.
    Result<Bytes> journal_value(const detail::Entry& entry) const;

    /// A life of `ttl`, or of the cache's own, with jitter; empty: for ever.
    std::optional<std::chrono::nanoseconds> life_of(std::optional<std::chrono::nanoseconds> ttl) const;
    /// When an entry of this life leaves memory.
    detail::Nanos memory_expiry(SteadyTime now, std::optional<std::chrono::nanoseconds> life) const;

    /// How far past its life a value may be for this call. Zero: not at all.
    std::chrono::nanoseconds max_staleness(const CallOptions& call) const;

    /// Once, before anything else: what a journal holds becomes pending, and what the tiers hold of it is dropped.
    /// Errors: the journal's.
    Result<void> begin_write_behind(std::shared_ptr<spi::Journal> journal);

    /// Weighs the entry and puts it into memory, unless its epoch has moved (Flight::superseded). True if it is in.
    bool publish(detail::EntryPtr entry, const std::atomic<std::uint64_t>& superseded);

    /// Sees to it that expired entries leave memory without being touched: a tick each second while there are any.
    void arm_expiry();

    Error closed_error() const;
    SteadyTime after(std::chrono::nanoseconds duration) const;
    bool has_tiers(Skip skip) const;
    /// The same, of tiers that their breakers let be asked.
    bool has_tiers_in_use(Skip skip) const;

private:
    void expire_memory();
    std::atomic<bool> expiry_armed_{false};
};

using ChainPtr = std::shared_ptr<Chain>;

/// Of the call's options: out of range, or nothing.
std::optional<Error> check(const CallOptions& options);

} // namespace tiercel::chain
