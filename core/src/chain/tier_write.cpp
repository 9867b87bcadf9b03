#include "planted_bug.hpp"
#include "tier_call.hpp"

namespace tiercel::chain {

namespace asio = boost::asio;
using std::chrono::nanoseconds;

namespace {

constexpr nanoseconds longest_life = std::chrono::hours(24) * 36'525; // as ExpiryOptions has it

} // namespace

bool may_be_applied(Errc code) {
    switch (code) {
    case Errc::invalid_key:
    case Errc::value_too_large:
    case Errc::unsupported:
    case Errc::overloaded:
    case Errc::would_block:
    case Errc::codec_failed:
    case Errc::breaker_open:
    case Errc::connection_failed:
    case Errc::authentication_failed:
    case Errc::permission_denied:
    case Errc::not_ready:
    case Errc::out_of_memory:
    case Errc::read_only:
    case Errc::wrong_type:
    case Errc::moved:
        return false;
    default:
        return true;
    }
}

/// How long the backend is to keep a value of this life.
std::optional<std::chrono::milliseconds> Tier::ttl_of(const WireValue& value, std::optional<nanoseconds> life) const {
    if (life && !value.negative) *life += context_.keep_stale;
    return to_ttl(life);
}

Tier::PendingOutcomes Tier::keep_away(std::size_t writes) {
    skipped_writes_.add(writes);
    auto outcomes = std::make_shared<Signal<Outcomes>>();
    outcomes->set(Outcomes(writes, outcome(TierOutcome::Kind::failed, kept_away())));
    return outcomes;
}

Result<Tier::Stored> Tier::pack(const WireKey& key, WireValue& value, bool last) {
    auto life = value.life;
    if (max_ttl_) life = life ? std::min(*life, *max_ttl_) : *max_ttl_;
    if (life) life = std::min(*life, longest_life);

    const auto wall = context_.runtime->wall_now();
    wire::Header header;
    header.negative = value.negative;
    header.codec = context_.types.codec;
    header.schema = context_.types.schema;
    header.key = key.fingerprint;
    const nanoseconds age(detail::to_nanos(context_.runtime->now()) - value.created);
    header.created = wall - std::chrono::floor<std::chrono::microseconds>(std::max(nanoseconds::zero(), age));
    if (life) header.expires = wall + std::chrono::floor<std::chrono::microseconds>(*life);
    header.version = value.version;
    if (life && !value.negative) header.kept = std::chrono::floor<std::chrono::seconds>(context_.keep_stale);

    Result<wire::Packed> packed = [&]() -> Result<wire::Packed> {
        if (!value.framed) return value.framed.error();
        if (value.negative) return packer_.pack(header, {});
        if (last) return packer_.pack_in_place(header, *std::move(value.framed));
        return packer_.pack(header, BytesView(*value.framed).substr(wire::header_bytes));
    }();
    if (packed && capabilities_.max_value_bytes != 0 && packed->bytes.size() > capabilities_.max_value_bytes) {
        packed = Error(Errc::value_too_large,
                       "a value of " + std::to_string(packed->bytes.size()) + " bytes is over the " +
                           std::to_string(capabilities_.max_value_bytes) + " that backend '" + name_ + "' takes");
    }
    if (!packed) {
        if (packed.error() == Errc::value_too_large) {
            too_large_.add();
        } else {
            count(packed.error());
        }
        return std::move(packed).error();
    }
    bytes_out_.add(packed->bytes.size());
    raw_bytes_out_.add(packed->raw_bytes);
    return Stored{std::move(packed->bytes), ttl_of(value, life)};
}

Tier::PendingOutcomes Tier::begin_write(const std::vector<Store>& stores, SteadyTime deadline) {
    const auto round = breaker_.admit();
    if (!round) return keep_away(stores.size());
    auto call = std::make_shared<Call>();
    call->round = round;
    call->outcomes.assign(stores.size(), outcome(TierOutcome::Kind::done));
    call->keys.reserve(stores.size());
    call->values.reserve(stores.size());
    for (std::size_t i = 0; i < stores.size(); ++i) {
        call->keys.push_back(backend_key(*stores[i].key));
        call->hashes.push_back(stores[i].hash);
        auto stored = pack(*stores[i].key, *stores[i].value, stores[i].last);
        if (!stored) {
            const bool too_large = stored.error() == Errc::value_too_large;
            call->outcomes[i] = outcome(too_large ? TierOutcome::Kind::too_large : TierOutcome::Kind::failed,
                                        std::move(stored).error());
            call->values.emplace_back();
            continue;
        }
        call->values.push_back(std::move(stored->bytes));
        call->at.push_back(i);
        call->items.push_back({call->keys.back(), call->values.back(), stored->ttl});
    }
    for (std::size_t i = 0; i < stores.size(); ++i) {
        if (call->outcomes[i].kind == TierOutcome::Kind::done) continue;
        call->erased_at.push_back(i);
        call->views.emplace_back(call->keys[i]);
    }
    const auto size = stores.size();
    const auto hashes = call->hashes;
    return bounded<Outcomes>(
        std::move(call), bound(deadline),
        [self = shared_from_this(), size, hashes](Error error) {
            for (const auto hash : hashes) {
                self->count(error);
                self->context_.fences->fill_unknown(hash);
            }
            return Outcomes(size, self->outcome(TierOutcome::Kind::failed, error));
        },
        [](Tier& self, Call& mine) { return self.write_now(mine); });
}

asio::awaitable<Tier::Outcomes> Tier::write_now(Call& call) {
    if (!call.items.empty()) {
        auto results = co_await backend_->put_many(call.items, call.context);
        if (results.size() != call.items.size()) results.assign(call.items.size(), wrong_number());
        for (std::size_t i = 0; i < call.items.size(); ++i) {
            const auto at = call.at[i];
            if (results[i] || planted(Bug::failed_store_is_done)) {
                puts_.add();
                continue;
            }
            Error error = std::move(results[i]).error();
            count(error);
            if (may_be_applied(error.code())) context_.fences->fill_unknown(call.hashes[at]);
            const bool too_large = error == Errc::value_too_large;
            if (too_large) {
                too_large_.add();
                call.erased_at.push_back(at);
                call.views.emplace_back(call.keys[at]);
            }
            call.outcomes[at] =
                outcome(too_large ? TierOutcome::Kind::too_large : TierOutcome::Kind::failed, std::move(error));
        }
    }
    if (!call.views.empty()) {
        auto results = co_await backend_->erase_many(call.views, call.context);
        if (results.size() != call.views.size()) results.assign(call.views.size(), wrong_number());
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (results[i]) continue;
            Error error = std::move(results[i]).error();
            count(error);
            call.outcomes[call.erased_at[i]] = outcome(TierOutcome::Kind::failed, std::move(error));
        }
    }
    write_latency_.add(context_.runtime->now() - call.began);
    co_return call.outcomes;
}

Tier::PendingOutcomes Tier::begin_erase(const std::vector<const WireKey*>& keys, SteadyTime deadline) {
    const auto round = breaker_.admit();
    if (!round) return keep_away(keys.size());
    auto call = std::make_shared<Call>();
    call->round = round;
    call->outcomes.assign(keys.size(), outcome(TierOutcome::Kind::done));
    call->keys.reserve(keys.size());
    for (const auto* key : keys)
        call->keys.push_back(backend_key(*key));
    call->views.assign(call->keys.begin(), call->keys.end());
    const auto size = keys.size();
    return bounded<Outcomes>(
        std::move(call), bound(deadline),
        [self = shared_from_this(), size](Error error) {
            for (std::size_t i = 0; i < size; ++i)
                self->count(error);
            return Outcomes(size, self->outcome(TierOutcome::Kind::failed, error));
        },
        [](Tier& self, Call& mine) { return self.erase_now(mine); });
}

asio::awaitable<Tier::Outcomes> Tier::erase_now(Call& call) {
    auto results = co_await backend_->erase_many(call.views, call.context);
    if (results.size() != call.outcomes.size()) results.assign(call.outcomes.size(), wrong_number());
    for (std::size_t i = 0; i < call.outcomes.size(); ++i) {
        if (results[i] || planted(Bug::failed_erase_is_done)) {
            erases_.add();
            continue;
        }
        Error error = std::move(results[i]).error();
        count(error);
        call.outcomes[i] = outcome(TierOutcome::Kind::failed, std::move(error));
    }
    write_latency_.add(context_.runtime->now() - call.began);
    co_return call.outcomes;
}

} // namespace tiercel::chain
