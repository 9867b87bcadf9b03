#include "planted_bug.hpp"
#include "tier_call.hpp"

namespace tiercel::chain {

WireKey Tier::marker_key() {
    WireKey key{std::string("\0cleared", 8), {}};
    key.fingerprint = wire::fingerprint(key.bytes);
    return key;
}

void Tier::heed_marker(const spi::Lookup& marker, SteadyTime asked) {
    constexpr std::chrono::seconds interval{1};
    marker_due_.store(marker ? detail::to_nanos(asked + interval) : 0, std::memory_order_relaxed);
    if (!marker || !*marker || planted(Bug::clear_marker_is_not_heeded)) return;
    wire::Unpacked unpacked;
    const wire::Expected expected{marker_.fingerprint, 0, 0};
    if (packer_.unpack((*marker)->value, expected, unpacked) != wire::Defect::none) return;
    give_up_older(unpacked.header.version);
}

void Tier::give_up_older(std::uint64_t stamp) noexcept {
    auto known = cleared_before_.load(std::memory_order_relaxed);
    while (known < stamp && !cleared_before_.compare_exchange_weak(known, stamp, std::memory_order_relaxed)) {
    }
}

boost::asio::awaitable<void> Tier::hear_marker() {
    marker_due_.store(0, std::memory_order_relaxed); // so that the next read carries it
    (void)co_await read({}, SteadyTime::max());
}

Tier::PendingOutcomes Tier::begin_clear(std::uint64_t stamp, SteadyTime deadline) {
    give_up_older(stamp);
    const auto round = breaker_.admit();
    if (!round) return keep_away(1);
    auto call = std::make_shared<Call>();
    call->round = round;
    call->outcomes.assign(1, outcome(TierOutcome::Kind::done));
    wire::Header header;
    header.negative = true;
    header.key = marker_.fingerprint;
    header.created = context_.runtime->wall_now();
    header.version = cleared_before_.load(std::memory_order_relaxed); // not below one that it has heard of
    call->keys.push_back(backend_key(marker_));
    call->values.push_back(wire::seal(header, {}));
    call->hashes.push_back(0);
    call->at.push_back(0);
    call->items.push_back({call->keys.back(), call->values.back(), std::nullopt});
    return bounded<Outcomes>(
        std::move(call), bound(deadline),
        [self = shared_from_this()](Error error) {
            self->count(error);
            return Outcomes(1, self->outcome(TierOutcome::Kind::failed, std::move(error)));
        },
        [](Tier& self, Call& mine) { return self.write_now(mine); });
}

} // namespace tiercel::chain
