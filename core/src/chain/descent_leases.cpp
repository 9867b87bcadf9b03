#include "descent.hpp"

#include "planted_bug.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace tiercel::chain {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

/// Before the look number `looks`, from 0. A quarter more or less, so that a fleet does not look in step.
nanoseconds pause_before(unsigned looks, std::uint64_t random) {
    constexpr nanoseconds first = milliseconds(10);
    constexpr unsigned most_doublings = 3;
    const auto whole = first * (1U << std::min(looks, most_doublings));
    return whole * 3 / 4 + nanoseconds(random % static_cast<std::uint64_t>(whole.count() / 2));
}

} // namespace

/// Of a descent that is about to load: the tier whose leases it needs.
std::optional<std::size_t> Descent::leasing_tier() const {
    if (pending_.empty() || !loader_ || !chain_->scope->open() || chain_->tiers.empty()) return std::nullopt;
    const auto last = chain_->tiers.size() - 1;
    const auto& tier = *chain_->tiers[last];
    if (!tier.leases() || options_.skip.has_tier(last) || !tier.in_use()) return std::nullopt;
    return last;
}

/// Returns with those pending that are to be loaded here, if any: the others are answered, have gone, or wait apart.
asio::awaitable<void> Descent::lease(std::size_t t) {
    for (;;) {
        const auto theirs = co_await take_leases(t);
        if (theirs == 0 || planted(Bug::lease_is_not_waited_for)) co_return;
        if (!waits_until_) begin_to_wait(t, theirs);
        if (chain_->runtime->now() >= *waits_until_) {
            give_up_waiting(t);
            co_return;
        }
        if (theirs != items_.size()) {
            wait_apart(t);
            co_return;
        }
        const bool still_waits = co_await look_again(t);
        if (!still_waits) co_return;
    }
}

/// How many are somebody else's: they are `leased`.
asio::awaitable<std::size_t> Descent::take_leases(std::size_t t) {
    std::vector<Tier::Take> takes;
    std::vector<std::size_t> which;
    std::size_t theirs = 0;
    for (const auto i : pending_) {
        auto& item = items_[i];
        if (item.leased) {
            ++theirs;
        } else if (!item.failed[t]) {
            takes.push_back({&item.key, std::move(item.standing)});
            which.push_back(i);
        }
    }
    if (takes.empty()) co_return theirs;
    const auto taken = co_await chain_->tiers[t]->take_leases(std::move(takes), deadline_);
    for (std::size_t n = 0; n < which.size(); ++n) {
        auto& item = items_[which[n]];
        item.hold = taken[n].hold;
        if (taken[n].kind != Tier::Taken::Kind::theirs) continue;
        item.leased = true;
        ++theirs;
    }
    co_return theirs;
}

void Descent::begin_to_wait(std::size_t t, std::size_t count) {
    auto& tier = *chain_->tiers[t];
    tier.count_lease_waits(count);
    waits_until_ = std::min(deadline_, chain_->after(tier.lease_wait()));
    if (!chain_->options.stale.while_revalidate) return;
    for (const auto i : pending_) {
        if (items_[i].leased) serve_stale(*chain_, items_[i].flight, StaleReason::revalidating);
    }
}

/// What is leased by others goes on in a descent of its own, so that the rest need not wait for it.
void Descent::wait_apart(std::size_t t) {
    if (!chain_->scope->begin()) return; // closing: all that is pending is told so
    const auto apart = std::make_shared<Descent>(chain_, options_, loader_, false, deadline_);
    apart->started_ = started_;
    apart->waits_until_ = waits_until_;
    apart->looks_ = looks_;
    std::erase_if(pending_, [&](std::size_t i) {
        if (!items_[i].leased) return false;
        apart->items_.push_back(std::move(items_[i]));
        return true;
    });
    apart->pending_.resize(apart->items_.size());
    std::iota(apart->pending_.begin(), apart->pending_.end(), std::size_t{0});
    apart->arm_soft_timeout();
    asio::co_spawn(chain_->runtime->executor_here(), wait_for_others(apart, t), asio::detached);
}

asio::awaitable<void> Descent::wait_for_others(std::shared_ptr<Descent> self, std::size_t t) {
    const bool still_waits = co_await self->look_again(t);
    if (still_waits) co_await self->lease(t);
    co_await go_on(std::move(self));
}

/// Rests, and asks the tier. False when there is nothing more to wait for.
asio::awaitable<bool> Descent::look_again(std::size_t t) {
    const auto pause = pause_before(looks_++, chain_->runtime->random());
    const auto until = std::min(*waits_until_, chain_->after(pause));
    co_await chain_->pauses->rest(chain_->runtime, until);
    if (!chain_->scope->open()) co_return false;
    if (!chain_->tiers[t]->in_use()) {
        leave_out(t);
        co_return false;
    }
    co_await ask_tier(t);
    co_return !pending_.empty();
}

/// Who would rather have the stale value than load beside the other process gets it. Flights that nobody waits for any
/// more, refreshes in the background above all, end without having loaded.
void Descent::give_up_waiting(std::size_t t) {
    std::size_t given_up = 0;
    std::erase_if(pending_, [&](std::size_t i) {
        const auto& item = items_[i];
        if (!item.leased) return false;
        ++given_up;
        serve_stale(*chain_, item.flight, StaleReason::load_slow);
        return chain_->flights.abandon_unless_awaited(item.flight);
    });
    chain_->tiers[t]->count_lease_waits_over(given_up);
}

/// Fills by what the items hold. Of those that are not to be filled, others may take the lease at once.
asio::awaitable<void> Descent::end_leases(std::size_t t, std::vector<WireValue>& values) {
    std::vector<Tier::LeaseEnd> ends;
    std::vector<std::size_t> filled;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const auto& item = items_[i];
        if (!item.hold) continue;
        const bool fills = item.fill && !item.hold.unsure && has_life_left(item, values[i]) && !is_overtaken(item);
        ends.push_back({&item.key, fills ? &values[i] : nullptr, item.entry->hash, item.hold});
        if (fills) filled.push_back(i);
    }
    if (ends.empty()) co_return;
    const auto signal = chain_->tiers[t]->begin_end_leases(ends, SteadyTime::max());
    co_await signal->wait();
    co_await erase_overtaken(t, filled);
}

} // namespace tiercel::chain
