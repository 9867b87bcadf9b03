#include "tier_call.hpp"

#include "planted_bug.hpp"

#include <boost/asio/this_coro.hpp>

namespace tiercel::chain {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

/// Conditional writes of one batch that are under way at once: a backend has no batches of these.
constexpr std::size_t most_at_once = 64;

/// Names no lease.
constexpr std::uint64_t no_token = 0;

std::uint64_t new_token(spi::Runtime& runtime) {
    const auto token = runtime.random();
    return token == no_token ? 1 : token;
}

} // namespace

asio::awaitable<std::vector<Tier::Taken>> Tier::take_leases(std::vector<Take> takes, SteadyTime deadline) {
    std::vector<Taken> taken(takes.size());
    auto call = std::make_shared<Call>();
    call->round = breaker_.admit();
    if (!call->round) co_return taken;
    call->keys.reserve(takes.size());
    call->values.reserve(takes.size());
    call->bare.reserve(takes.size());
    const auto wall = context_.runtime->wall_now();
    const auto ttl = *to_ttl(leases_.ttl);
    for (std::size_t i = 0; i < takes.size(); ++i) {
        const auto* const standing = takes[i].standing ? &*takes[i].standing : nullptr;
        const std::optional<spi::Version> replaced = standing ? std::optional(standing->version) : std::nullopt;
        if (standing && standing->carry.size() > most_carried_) {
            // Others may use it: it is not pushed aside. What is loaded replaces this very state.
            taken[i] = {Taken::Kind::mine, {no_token, replaced}};
            continue;
        }
        wire::Lease lease;
        lease.token = new_token(*context_.runtime);
        lease.created = wall;
        lease.expires = wall + ttl;
        std::optional<milliseconds> stays = ttl;
        auto& bare = call->bare.emplace_back();
        if (standing && !standing->carry.empty()) {
            bare = wire::seal_lease(lease, expected(takes[i].key->fingerprint));
            lease.carried = standing->carry;
            stays = standing->carry_for ? std::optional(std::max(ttl, *standing->carry_for)) : std::nullopt;
        }
        taken[i].hold.token = lease.token;
        call->keys.push_back(backend_key(*takes[i].key));
        call->values.push_back(wire::seal_lease(lease, expected(takes[i].key->fingerprint)));
        call->at.push_back(i);
        call->items.push_back({call->keys.back(), call->values.back(), stays});
        call->versions.push_back(replaced);
    }
    if (call->items.empty()) co_return taken;

    const auto size = call->items.size();
    const auto signal = bounded<Conditionals>(
        call, bound(deadline), [size](Error error) { return Conditionals(size, error); },
        [](Tier& self, Call& mine) { return self.put_conditionally(mine, IfGone::put); });
    const Conditionals results = co_await signal->wait();
    for (std::size_t n = 0; n < size; ++n) {
        const auto i = call->at[n];
        if (!results[n]) {
            count(results[n].error());
            if (may_be_applied(results[n].error().code())) {
                taken[i].hold.unsure = true;
            } else {
                taken[i].hold = {};
            }
        } else if (*results[n] == spi::Conditional::stored) {
            taken[i].kind = Taken::Kind::mine;
            leases_taken_.add();
            if (takes[i].standing && takes[i].standing->abandoned) leases_taken_over_.add();
        } else {
            taken[i] = {Taken::Kind::theirs, {}};
        }
    }
    co_return taken;
}

Tier::PendingOutcomes Tier::begin_end_leases(const std::vector<LeaseEnd>& ends, SteadyTime deadline) {
    const auto round = breaker_.admit();
    if (!round) return keep_away(ends.size());
    auto call = std::make_shared<Call>();
    call->round = round;
    call->outcomes.assign(ends.size(), outcome(TierOutcome::Kind::done));
    call->keys.reserve(ends.size());
    for (const auto& end : ends) {
        call->keys.push_back(backend_key(*end.key));
        auto& ending = call->endings.emplace_back();
        ending.key = end.key->fingerprint;
        ending.hash = end.hash;
        ending.hold = end.hold;
        if (!end.value) continue;
        // What cannot be stored is released: no older value comes back for good, since the lease carries only what was
        // stale, or about to be.
        if (auto stored = pack(*end.key, *end.value, true)) ending.value = *std::move(stored);
    }
    const auto size = ends.size();
    return bounded<Outcomes>(
        std::move(call), bound(deadline),
        [self = shared_from_this(), size](Error error) {
            // That it may still be applied needs no remembering: it will not be once the key was erased.
            for (std::size_t i = 0; i < size; ++i)
                self->count(error);
            return Outcomes(size, self->outcome(TierOutcome::Kind::failed, error));
        },
        [](Tier& self, Call& mine) { return self.end_leases_now(mine); });
}

/// What the release of a lease puts in its place: the value that it carries, while that may be believed; or else a
/// lease that has ended, for as short as the backend can. That is conditional, as an erase is not.
bool Tier::take_back(const wire::Lease& lease, const Hold& hold, wire::Fingerprint key, std::uint64_t hash,
                     Stored& out) {
    if (lease.token != hold.token && !planted(Bug::any_lease_is_ones_own)) return false;
    const auto wall = context_.runtime->wall_now();
    wire::Opened carried;
    if (!lease.carried.empty() && wire::open(lease.carried, expected(key), carried) == wire::Defect::none &&
        context_.fences->believes(hash, carried.header.version)) {
        std::optional<nanoseconds> left;
        if (carried.header.expires) {
            const nanoseconds whole = *carried.header.expires - carried.header.created;
            left = std::min<nanoseconds>(*carried.header.expires - wall, whole);
            *left += carried.header.kept;
        }
        if (!left || *left > nanoseconds::zero()) {
            out = {Bytes(lease.carried), to_ttl(left)};
            return true;
        }
    }
    wire::Lease ended;
    ended.token = lease.token;
    ended.created = wall;
    ended.expires = wall;
    out = {wire::seal_lease(ended, expected(key)), milliseconds(1)};
    return true;
}

asio::awaitable<Tier::Outcomes> Tier::end_leases_now(Call& call) {
    const auto size = call.endings.size();
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < size; ++i) {
        if (call.endings[i].hold.token == no_token) continue;
        asked.push_back(i);
        call.views.emplace_back(call.keys[i]);
    }
    std::vector<spi::Lookup> found;
    if (!asked.empty()) {
        found = co_await backend_->get_many(call.views, call.context);
        if (found.size() != asked.size()) found.assign(asked.size(), wrong_number());
        if (context_.scope->over()) found.assign(asked.size(), Error(Errc::closed, "the cache was closed"));
    }

    call.values.reserve(size);
    const auto add = [&](std::size_t i, Stored stored, spi::Version version) {
        call.values.push_back(std::move(stored.bytes));
        call.at.push_back(i);
        call.items.push_back({call.keys[i], call.values.back(), stored.ttl});
        call.versions.emplace_back(version);
    };
    for (std::size_t i = 0; i < size; ++i) {
        auto& ending = call.endings[i];
        if (ending.hold.version && ending.value) add(i, std::move(*ending.value), *ending.hold.version);
    }
    for (std::size_t n = 0; n < asked.size(); ++n) {
        const auto i = asked[n];
        auto& ending = call.endings[i];
        if (!found[n]) {
            count(found[n].error());
            call.outcomes[i] = outcome(TierOutcome::Kind::failed, found[n].error());
            continue;
        }
        wire::Lease lease;
        Stored back;
        if (*found[n] && wire::open_lease((*found[n])->value, expected(ending.key), lease) == wire::Defect::none &&
            take_back(lease, ending.hold, ending.key, ending.hash, back)) {
            add(i, ending.value ? std::move(*ending.value) : std::move(back), (*found[n])->version);
        } else if (ending.value) {
            leases_lost_.add();
        }
    }
    if (!call.items.empty()) {
        const auto results = co_await put_conditionally(call, IfGone::leave);
        for (std::size_t n = 0; n < results.size(); ++n) {
            const auto i = call.at[n];
            const bool fills = call.endings[i].value.has_value();
            if (!results[n]) {
                count(results[n].error());
                call.outcomes[i] = outcome(TierOutcome::Kind::failed, results[n].error());
            } else if (*results[n] == spi::Conditional::stored) {
                (fills ? puts_ : leases_released_).add();
            } else if (fills) {
                leases_lost_.add();
            }
        }
    }
    write_latency_.add(context_.runtime->now() - call.began);
    co_return call.outcomes;
}

asio::awaitable<Result<spi::Conditional>> Tier::put_one(const Call& call, std::size_t i, IfGone if_gone) {
    try {
        const auto& version = call.versions[i];
        if (version) {
            auto put = co_await backend_->put_if_version(call.items[i], *version, call.context);
            const bool gone = put && *put == spi::Conditional::absent;
            const bool late = context_.runtime->now() >= call.context.deadline || context_.scope->over();
            if (!gone || if_gone == IfGone::leave || late) co_return put;
        }
        auto item = call.items[i];
        if (version && !call.bare[i].empty() && !planted(Bug::lease_brings_back_the_erased)) {
            // What the lease was to carry has been erased since it was read, and is not to come back with it.
            item.value = call.bare[i];
            item.ttl = to_ttl(leases_.ttl);
        }
        co_return co_await backend_->put_if_absent(item, call.context);
    } catch (const std::exception& error) {
        co_return Error(Errc::server_error, "backend '" + name_ + "' threw: " + error.what());
    } catch (...) {
        co_return Error(Errc::server_error, "backend '" + name_ + "' threw something that is no std::exception");
    }
}

asio::awaitable<Tier::Conditionals> Tier::put_conditionally(Call& call, IfGone if_gone) {
    const auto size = call.items.size();
    Conditionals results(size, spi::Conditional::conflict);
    if (size == 1) {
        results.front() = co_await put_one(call, 0, if_gone);
        co_return results;
    }
    // Each lane takes the next item until there is none. What they work on outlives them: the last one wakes us.
    struct Lanes {
        std::atomic<std::size_t> next{0};
        std::atomic<std::size_t> left{0};
        std::shared_ptr<Signal<bool>> done = std::make_shared<Signal<bool>>();
    };
    const auto lanes = std::make_shared<Lanes>();
    const auto how_many = std::min(size, most_at_once);
    lanes->left.store(how_many, std::memory_order_relaxed);
    const auto executor = co_await asio::this_coro::executor;
    for (std::size_t lane = 0; lane < how_many; ++lane) {
        asio::co_spawn(
            executor,
            [](std::shared_ptr<Tier> self, std::shared_ptr<Lanes> shared, Call& of, Conditionals& out,
               IfGone what) -> asio::awaitable<void> {
                for (;;) {
                    const auto i = shared->next.fetch_add(1, std::memory_order_relaxed);
                    if (i >= out.size()) break;
                    out[i] = co_await self->put_one(of, i, what);
                }
                if (shared->left.fetch_sub(1, std::memory_order_acq_rel) == 1) shared->done->set(true);
            }(shared_from_this(), lanes, call, results, if_gone),
            asio::detached);
    }
    (void)co_await lanes->done->wait();
    co_return results;
}

} // namespace tiercel::chain
