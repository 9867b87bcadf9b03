#include "tier.hpp"

#include "planted_bug.hpp"
#include "tier_call.hpp"

namespace tiercel::chain {

namespace {

/// What splits large values around the backend; null where none is to be split.
std::shared_ptr<ChunkedBackend> splitting(const TierOptions& options, const Tier::Context& context,
                                          const std::string& prefix) {
    const auto limit = (*options.backend)->capabilities().max_value_bytes;
    if (options.large_values != LargeValues::split || limit == 0) return nullptr;
    ChunkedBackend::Options chunks;
    chunks.chunk_bytes = limit;
    chunks.max_value_bytes = context.max_value_bytes + std::min(wire::header_bytes, ~context.max_value_bytes);
    chunks.key_prefix = prefix;
    chunks.max_life = *to_ttl(*options.max_ttl + context.keep_stale);
    return std::make_shared<ChunkedBackend>(*options.backend, context.runtime, std::move(chunks));
}

/// A lease with what it carries must not be split in chunks: it is read and replaced at a go.
std::size_t most_carried(const TierOptions& options) {
    constexpr std::size_t most = std::size_t{256} << 10;
    const auto limit = (*options.backend)->capabilities().max_value_bytes;
    return limit == 0 ? most : std::min(most, limit - std::min(limit, wire::lease_bytes));
}

} // namespace

Tier::Tier(const TierOptions& options, Context context)
    : prefix_(options.key_prefix.empty() ? context.cache_name + ":" : options.key_prefix),
      chunks_(splitting(options, context, prefix_)),
      backend_(chunks_ ? chunks_ : *options.backend),
      name_(options.name.empty() ? std::string(backend_->name()) : options.name),
      context_(std::move(context)),
      capabilities_(backend_->capabilities()),
      alphabet_{capabilities_.max_key_bytes, capabilities_.binary_keys},
      packer_(options.compressor, context_.max_value_bytes),
      max_ttl_(options.max_ttl),
      timeout_(options.timeout),
      leases_(options.leases),
      most_carried_(most_carried(options)),
      marker_(marker_key()),
      breaker_({options.breaker.failures, timeout_, options.breaker.back_off_min, options.breaker.back_off_max}),
      refresh_rule_(context_.refresh) {}

SteadyTime Tier::bound(SteadyTime deadline) const {
    const auto now = context_.runtime->now();
    if (planted(Bug::tier_has_no_deadline)) return SteadyTime::max();
    const auto own = std::chrono::duration_cast<SteadyTime::duration>(timeout_);
    return own >= SteadyTime::max() - now ? deadline : std::min(deadline, now + own);
}

TierOutcome Tier::outcome(TierOutcome::Kind kind, std::optional<Error> error) const {
    return {name_, kind, std::move(error)};
}

Error Tier::wrong_number() const {
    return Error(Errc::protocol_error, "backend '" + name_ + "' gave the wrong number of results");
}

void Tier::count(const Error& error) {
    errors_[static_cast<std::size_t>(error.code())].add();
}

TierStats Tier::stats() const {
    TierStats stats;
    stats.name = name_;
    stats.hits = hits_.get();
    stats.misses = misses_.get();
    stats.puts = puts_.get();
    stats.erases = erases_.get();
    stats.too_large = too_large_.get();
    stats.fenced = fenced_.get();
    stats.expired = expired_.get();
    stats.cleared = cleared_.get();
    stats.bytes_in = bytes_in_.get();
    stats.bytes_out = bytes_out_.get();
    stats.raw_bytes_out = raw_bytes_out_.get();
    for (std::size_t i = 0; i < errors_.size(); ++i)
        stats.errors[i] = errors_[i].get();
    for (std::size_t i = 1; i < defects_.size(); ++i) {
        if (const auto n = defects_[i].get(); n != 0) {
            stats.defects.emplace_back(wire::to_string(static_cast<wire::Defect>(i)), n);
        }
    }
    if (chunks_) {
        const auto counts = chunks_->counts();
        stats.split_puts = counts.puts;
        stats.split_reads = counts.reads;
        stats.split_incomplete = counts.incomplete;
        if (counts.bad_chunks != 0) stats.defects.emplace_back("bad_chunks", counts.bad_chunks);
        if (counts.bad_manifest != 0) stats.defects.emplace_back("bad_manifest", counts.bad_manifest);
    }
    stats.leases = {leases_taken_.get(), leases_taken_over_.get(), leases_released_.get(),
                    leases_lost_.get(),  lease_waits_.get(),       lease_waits_over_.get()};
    const auto breaks = breaker_.counts();
    stats.breaker = {breaker_.state(), breaks.opened, breaks.probes, skipped_lookups_.get(), skipped_writes_.get()};
    stats.read_latency = read_latency_.get();
    stats.write_latency = write_latency_.get();
    return stats;
}

} // namespace tiercel::chain
