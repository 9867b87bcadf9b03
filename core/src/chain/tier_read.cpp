#include "planted_bug.hpp"
#include "tier_call.hpp"

namespace tiercel::chain {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

constexpr std::chrono::hours longest_lease{1}; // as LeaseOptions has it

/// Far enough from the ends of the clock that differences in nanoseconds do not overflow: what a backend says is not
/// to be trusted.
bool plausible(SystemTime time) {
    // Nanoseconds reach 292 years. In microseconds: the comparison itself must not overflow either.
    constexpr std::chrono::microseconds earliest = -std::chrono::hours(24 * 365) * 100;
    constexpr std::chrono::microseconds latest = std::chrono::hours(24 * 365) * 190;
    return time.time_since_epoch() >= earliest && time.time_since_epoch() <= latest;
}

enum class LeaseLife : std::uint8_t { stands, released, abandoned };

/// The holder's clock may be another. Where it is ahead of ours by more than the lease's whole life, the lease counts
/// as over: it is loaded twice rather than waited for until our clock gets there.
LeaseLife lease_life(const wire::Lease& lease, SystemTime now) {
    const auto whole = lease.expires - lease.created;
    if (whole <= whole.zero()) return LeaseLife::released;
    const bool is_of_now = now < lease.expires && lease.created - now < whole && whole <= longest_lease;
    return is_of_now ? LeaseLife::stands : LeaseLife::abandoned;
}

} // namespace

asio::awaitable<std::vector<TierAnswer>> Tier::read(std::vector<Lookup> lookups, SteadyTime deadline) {
    const auto round = breaker_.admit();
    if (!round) { // it has opened since the caller looked
        const auto why = skip_lookups(lookups.size());
        co_return std::vector<TierAnswer>(lookups.size(),
                                          {TierAnswer::Kind::failed, false, nullptr, std::nullopt, why});
    }
    const auto now = context_.runtime->now();
    auto call = std::make_shared<Call>();
    call->round = round;
    call->keys.reserve(lookups.size() + 1);
    for (const auto& lookup : lookups)
        call->keys.push_back(backend_key(*lookup.key));
    call->with_marker = marker_due_.load(std::memory_order_relaxed) <= detail::to_nanos(now);
    if (call->with_marker) call->keys.push_back(backend_key(marker_));
    call->views.assign(call->keys.begin(), call->keys.end());

    const auto size = call->views.size();
    const auto signal = bounded<Raw>(
        call, bound(deadline), [size](Error error) { return Raw(size, error); },
        [](Tier& self, Call& mine) { return self.backend_->get_many(mine.views, mine.context); });
    Raw raw = co_await signal->wait();
    read_latency_.add(context_.runtime->now() - now);
    if (raw.size() != size) {
        raw.assign(size, wrong_number());
    }
    if (context_.scope->over()) raw.assign(size, Error(Errc::closed, "cache '" + context_.cache_name + "' is closed"));
    if (call->with_marker) {
        heed_marker(raw.back(), now);
        raw.pop_back();
    }

    std::vector<TierAnswer> answers;
    answers.reserve(lookups.size());
    for (std::size_t i = 0; i < lookups.size(); ++i) {
        auto& found = raw[i];
        if (!found) {
            count(found.error());
            answers.push_back({TierAnswer::Kind::failed, false, nullptr, std::nullopt, std::move(found).error()});
        } else if (!*found) {
            answers.emplace_back();
        } else {
            answers.push_back(open(lookups[i], **found));
        }
        if (answers.back().kind == TierAnswer::Kind::hit) hits_.add();
        if (answers.back().kind == TierAnswer::Kind::miss && !lookups[i].again) misses_.add();
    }
    co_return answers;
}

TierAnswer Tier::open(const Lookup& lookup, const spi::Found& found) {
    bytes_in_.add(found.value.size());
    if (!wire::looks_like_lease(found.value)) {
        auto answer = open_value(lookup, found.value, found.remaining_ttl);
        if (answer.standing) answer.standing->version = found.version;
        return answer;
    }
    wire::Lease lease;
    auto flaw = wire::open_lease(found.value, expected(lookup.key->fingerprint), lease);
    if (flaw == wire::Defect::none && !(plausible(lease.created) && plausible(lease.expires))) {
        flaw = wire::Defect::bad_payload;
    }
    TierAnswer answer;
    if (leases()) answer.standing.emplace();
    if (flaw != wire::Defect::none) {
        defect(flaw);
    } else if (!lease.carried.empty()) {
        answer = open_value(lookup, lease.carried, found.remaining_ttl);
    }
    if (!answer.standing) return answer;
    answer.standing->version = found.version;
    if (flaw != wire::Defect::none) return answer;
    const auto life = lease_life(lease, context_.runtime->wall_now());
    answer.leased = life == LeaseLife::stands;
    answer.standing->abandoned = life == LeaseLife::abandoned;
    return answer;
}

/// A miss in a tier with leases has a `standing`, whose version is for the caller to set.
TierAnswer Tier::open_value(const Lookup& lookup, BytesView stored, std::optional<milliseconds> remaining) {
    TierAnswer miss;
    if (leases()) miss.standing.emplace();
    wire::Unpacked unpacked;
    if (const auto flaw = packer_.unpack(stored, expected(lookup.key->fingerprint), unpacked);
        flaw != wire::Defect::none) {
        defect(flaw);
        return miss;
    }
    const auto& header = unpacked.header;
    if (!plausible(header.created) || (header.expires && !plausible(*header.expires))) {
        defect(wire::Defect::bad_payload);
        return miss;
    }

    std::optional<nanoseconds> life;
    if (remaining && !planted(Bug::remaining_ttl_is_ignored)) life = *remaining - header.kept;
    if (header.expires) {
        // The writer's clock may be ahead of ours: no value has more to live than its whole life.
        const nanoseconds left = *header.expires - context_.runtime->wall_now();
        const nanoseconds whole = *header.expires - header.created;
        const auto bounded_left = planted(Bug::tier_value_has_its_whole_life_again) ? whole : std::min(left, whole);
        life = life ? std::min(*life, bounded_left) : bounded_left;
    }
    const bool stale = life && *life <= nanoseconds::zero() && !planted(Bug::expired_tier_value_is_served);
    if (stale && (header.negative || !header.expires || *life <= -context_.keep_stale)) {
        expired_.add();
        return miss;
    }
    if (header.version < cleared_before_.load(std::memory_order_relaxed)) {
        cleared_.add();
        return miss;
    }
    if (!context_.fences->believes(lookup.entry->hash, header.version)) {
        fenced_.add();
        return miss;
    }
    const auto now = detail::to_nanos(context_.runtime->now());
    const auto age = std::max(nanoseconds::zero(), nanoseconds(context_.runtime->wall_now() - header.created));
    const auto expires = life ? now + life->count() : detail::never;
    if (lookup.refresh && header.version < lookup.refresh->version) return {}; // memory has a newer one
    const bool due =
        lookup.refresh && header.version == lookup.refresh->version &&
        refresh_rule_.is_due(now - age.count(), expires, now, lookup.refresh->load_time, lookup.refresh->random);
    // The entry that was looked up stays blank for a value that is an answer.
    const bool fallback = stale || due;
    const auto entry = fallback ? context_.types.blank_of(*lookup.entry) : lookup.entry;
    if (!header.negative) {
        Result<void> decoded;
        try {
            decoded = context_.types.decode_value(*entry, unpacked.payload);
        } catch (...) {
            decoded = Error(Errc::codec_failed, "the codec threw");
        }
        if (!decoded) {
            defect(wire::Defect::bad_payload);
            return miss;
        }
    }
    entry->created = now - age.count();
    entry->version = header.version;
    if (fallback) {
        if (stale) expired_.add();
        entry->expires = expires;
        miss.fallback = entry;
        if (!miss.standing) return miss;
        miss.standing->carry = stored;
        if (life) miss.standing->carry_for = to_ttl(*life + header.kept);
        return miss;
    }
    return {TierAnswer::Kind::hit, header.negative, nullptr, life, std::nullopt};
}

asio::awaitable<std::vector<std::uint64_t>> Tier::versions_of(const std::vector<const WireKey*>& keys) {
    const auto size = keys.size();
    std::vector<std::uint64_t> versions(size);
    auto call = std::make_shared<Call>();
    call->round = breaker_.admit();
    if (!call->round) co_return versions;
    call->keys.reserve(size);
    std::vector<wire::Fingerprint> fingerprints;
    fingerprints.reserve(size);
    for (const auto* key : keys) {
        call->keys.push_back(backend_key(*key));
        fingerprints.push_back(key->fingerprint);
    }
    call->views.assign(call->keys.begin(), call->keys.end());
    const auto signal = bounded<Raw>(
        call, bound(SteadyTime::max()), [size](Error error) { return Raw(size, error); },
        [](Tier& self, Call& mine) { return self.backend_->get_many(mine.views, mine.context); });
    const Raw raw = co_await signal->wait();
    if (raw.size() != size) co_return versions;
    for (std::size_t i = 0; i < size; ++i) {
        if (!raw[i]) count(raw[i].error());
        if (!raw[i] || !*raw[i]) continue;
        wire::Unpacked unpacked;
        const auto flaw = packer_.unpack((*raw[i])->value, expected(fingerprints[i]), unpacked);
        if (flaw == wire::Defect::none) versions[i] = unpacked.header.version;
    }
    co_return versions;
}

asio::awaitable<Result<Tier::Page>> Tier::list(std::string cursor) {
    using Listed = Result<spi::ScanPage>;
    const auto round = breaker_.admit();
    if (!round) co_return kept_away();
    auto call = std::make_shared<Call>();
    call->round = round;
    call->keys.push_back(prefix_);
    call->values.push_back(std::move(cursor));
    const auto signal = bounded<Listed>(
        call, bound(SteadyTime::max()), [](Error error) { return Listed(std::move(error)); },
        [](Tier& self, Call& mine) {
            return self.backend_->scan(mine.keys.front(), std::move(mine.values.front()), mine.context);
        });
    Listed listed = co_await signal->wait();
    if (!listed) co_return std::move(listed).error();
    Page page;
    page.cursor = std::move(listed->cursor);
    for (const auto& stored : listed->keys) {
        Bytes key;
        if (!wire::parse_backend_key(stored, prefix_, alphabet_, key) || key == marker_.bytes) continue;
        try {
            if (auto entry = context_.types.decode_key(key)) page.keys.push_back(std::move(entry));
        } catch (...) { // the codec's way to say that this is no key of ours
        }
    }
    co_return page;
}

} // namespace tiercel::chain
