#include "descent.hpp"

#include "options_check.hpp"
#include "planted_bug.hpp"
#include "write_path.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

namespace tiercel::chain {

namespace asio = boost::asio;
using detail::Answer;
using detail::EntryPtr;
using std::chrono::nanoseconds;

Descent::Descent(ChainPtr chain, CallOptions options, std::shared_ptr<detail::SourceFunction> loader, bool here,
                 SteadyTime deadline)
    : chain_(std::move(chain)),
      options_(options),
      loader_(std::move(loader)),
      here_(here),
      deadline_(deadline),
      began_(chain_->tiers.empty() ? chain_->fences->stamp() : chain_->fences->begin()) {}

void Descent::add(FlightPtr flight, EntryPtr entry, EntryPtr previous, std::optional<Tier::Lookup::Refresh> refresh) {
    auto& item = items_.emplace_back();
    item.flight = std::move(flight);
    item.entry = std::move(entry);
    item.previous = std::move(previous);
    item.refresh = refresh;
    item.failed.resize(chain_->tiers.size());
}

void Descent::start() {
    started_ = chain_->runtime->now();
    for (std::size_t i = 0; i < items_.size(); ++i)
        pending_.push_back(i);
    if (pending_.empty()) {
        end();
        return;
    }
    if (take_pending_writes() && pending_.empty()) {
        fill_and_end();
        return;
    }
    arm_soft_timeout();
    if (!chain_->has_tiers(options_.skip)) {
        ask_source();
        return;
    }
    encode_keys();
    if (pending_.empty()) {
        end();
        return;
    }
    if (!chain_->has_tiers_in_use(options_.skip)) {
        for (std::size_t t = 0; t < chain_->tiers.size(); ++t) {
            if (!options_.skip.has_tier(t)) leave_out(t);
        }
        ask_source();
        return;
    }
    asio::co_spawn(chain_->runtime->executor_here(), descend(shared_from_this()), asio::detached);
}

void Descent::encode_keys() {
    std::erase_if(pending_, [this](std::size_t i) {
        auto key = chain_->wire_key(*items_[i].entry);
        if (key) {
            items_[i].key = *std::move(key);
            return false;
        }
        finish(items_[i], std::move(key).error());
        return true;
    });
}

asio::awaitable<void> Descent::descend(std::shared_ptr<Descent> self) {
    for (std::size_t t = 0; t < self->chain_->tiers.size() && !self->pending_.empty(); ++t) {
        if (self->options_.skip.has_tier(t)) continue;
        if (self->chain_->scope->over()) break;
        if (self->chain_->tiers[t]->in_use()) {
            co_await self->ask_tier(t);
        } else {
            self->leave_out(t);
        }
    }
    if (const auto t = self->leasing_tier()) co_await self->lease(*t);
    co_await go_on(std::move(self));
}

asio::awaitable<void> Descent::go_on(std::shared_ptr<Descent> self) {
    if (!self->pending_.empty()) {
        self->ask_source(); // which sees to the rest
    } else {
        co_await self->fill_tiers();
        self->end();
    }
}

/// A tier has failed the item, or is left out: strict callers hear of it. False if nobody else wants the item.
bool Descent::go_on_without(const Item& item, const Error& error) {
    const auto refused = chain_->flights.fail_strict(item.flight, error);
    for (const auto& waiter : refused)
        waiter.operation->complete(waiter.index, error);
    return item.flight->wanted.load(std::memory_order_relaxed);
}

void Descent::leave_out(std::size_t t) {
    const auto why = chain_->tiers[t]->skip_lookups(pending_.size());
    std::erase_if(pending_, [&](std::size_t i) { return !go_on_without(items_[i], why); });
}

asio::awaitable<void> Descent::ask_tier(std::size_t t) {
    std::vector<Tier::Lookup> lookups;
    lookups.reserve(pending_.size());
    for (const auto i : pending_)
        lookups.push_back({items_[i].entry, &items_[i].key, items_[i].refresh, waits_until_.has_value()});
    auto answers = co_await chain_->tiers[t]->read(std::move(lookups), deadline_);

    std::vector<std::size_t> still;
    for (std::size_t n = 0; n < answers.size(); ++n) {
        auto& item = items_[pending_[n]];
        auto& answer = answers[n];
        if (answer.kind == TierAnswer::Kind::hit) {
            item.life = answer.life;
            item.answered_by = t;
            item.fill = true;
            item.entry->expires = chain_->memory_expiry(chain_->runtime->now(), item.life);
            answer_with(item, {Source::Kind::tier, static_cast<std::uint8_t>(t)});
            continue;
        }
        item.leased = answer.leased;
        item.standing = std::move(answer.standing);
        if (answer.fallback && !met_fallback(item, std::move(answer.fallback), t)) continue;
        if (answer.kind == TierAnswer::Kind::failed && planted(Bug::tier_failure_is_the_callers)) {
            finish(item, *answer.error);
            continue;
        }
        if (answer.kind == TierAnswer::Kind::failed) {
            item.failed[t] = true;
            if (!go_on_without(item, *answer.error)) continue;
        }
        still.push_back(pending_[n]);
    }
    pending_ = std::move(still);
}

/// False if nobody waits for the item any more, and it need not be loaded.
bool Descent::met_fallback(Item& item, EntryPtr entry, std::size_t t) {
    const Fallback fallback{std::move(entry), {Source::Kind::tier, static_cast<std::uint8_t>(t)}};
    const auto now = chain_->runtime->now();
    const auto accepting = chain_->flights.offer(item.flight, fallback, now);
    if (!accepting) return true;
    item.previous = fallback.entry;
    // The next lookup finds it in memory.
    if (!options_.skip.has_memory() && !item.refresh) chain_->publish(fallback.entry, item.flight->superseded);
    const bool too_early = chain_->failing.must_wait(item.entry->hash, now);
    if (item.refresh || (loader_ && (too_early || chain_->options.stale.while_revalidate))) {
        serve_stale(*chain_, item.flight, too_early ? StaleReason::retry_later : StaleReason::revalidating);
        return !too_early || !chain_->flights.abandon_unless_awaited(item.flight);
    }
    const auto reason = loader_ ? StaleReason::load_slow : StaleReason::not_loaded;
    for (const auto& waiter : *accepting)
        waiter.operation->offer(waiter.index, fallback.answer(reason, now), fallback.until(waiter.max_staleness));
    return true;
}

void Descent::ask_source() {
    take_pending_writes();
    if (pending_.empty()) {
        fill_and_end();
        return;
    }
    if (!loader_ || (!chain_->scope->open() && !planted(Bug::load_begins_after_close))) {
        const auto answer = loader_ ? Result<Answer>(chain_->closed_error()) : Result<Answer>(Answer{});
        for (const auto i : pending_)
            finish(items_[i], answer);
        pending_.clear();
        fill_and_end();
        return;
    }
    if (chain_->options.stale.while_revalidate) {
        for (const auto i : pending_)
            serve_stale(*chain_, items_[i].flight, StaleReason::revalidating);
    }
    std::vector<EntryPtr> entries;
    entries.reserve(pending_.size());
    std::vector<EntryPtr> previous;
    previous.reserve(pending_.size());
    for (const auto i : pending_) {
        entries.push_back(items_[i].entry);
        previous.push_back(items_[i].previous);
    }
    asked_ = chain_->runtime->now();
    unloaded_.store(entries.size());
    chain_->loads.add(entries.size());
    auto on_settled = [self = shared_from_this()](std::size_t n, Result<detail::LoadFacts> facts) {
        self->loaded(self->items_[self->pending_[n]], std::move(facts));
    };
    chain_->sources->call({.function = loader_,
                           .entries = std::move(entries),
                           .previous = std::move(previous),
                           .deadline = deadline_,
                           .thrown = Errc::loader_failed,
                           .here = here_,
                           .on_settled = std::move(on_settled)});
}

void Descent::arm_soft_timeout() {
    const auto& soft = chain_->options.stale.soft_timeout;
    if (!soft || !loader_ || planted(Bug::soft_timeout_is_ignored)) return;
    const auto room = SteadyTime::max() - started_;
    const auto at =
        *soft >= room ? SteadyTime::max() : started_ + std::chrono::duration_cast<SteadyTime::duration>(*soft);
    std::vector<FlightPtr> flights;
    flights.reserve(pending_.size());
    for (const auto i : pending_)
        flights.push_back(items_[i].flight);
    soft_timer_ = chain_->runtime->call_at(at, [weak = chain_->weak_from_this(), flights = std::move(flights)] {
        const auto chain = weak.lock();
        if (!chain) return;
        for (const auto& flight : flights)
            serve_stale(*chain, flight, StaleReason::load_slow);
    });
}

/// Called for different items concurrently.
void Descent::loaded(Item& item, Result<detail::LoadFacts> facts) {
    auto& chain = *chain_;
    const auto now = chain.runtime->now();
    chain.load_latency.add(now - started_);
    if (!facts && planted(Bug::error_is_cached_as_absence)) facts = detail::LoadFacts{};
    if (!facts) {
        chain.load_failures.add();
        const bool remembers = chain.options.stale.keep > nanoseconds::zero() || chain.refresh_rule.exists();
        if (remembers && !planted(Bug::failed_load_is_tried_again)) {
            chain.failing.failed(item.entry->hash, chain.after(chain.options.stale.retry_after));
        }
        finish(item, std::move(facts).error());
    } else if (chain.scope->over()) {
        finish(item, chain.closed_error());
    } else {
        chain.failing.succeeded(item.entry->hash);
        chain.load_time.add(now - asked_);
        if (facts->unchanged) chain.unchanged.add();
        item.entry->created = detail::to_nanos(now);
        item.entry->version = planted(Bug::fill_has_a_late_stamp) ? chain.fences->stamp() : began_;
        item.answered_by = chain.tiers.size();
        bool cacheable = facts->cacheable && (!facts->ttl || *facts->ttl > nanoseconds::zero());
        if (planted(Bug::uncacheable_is_cached)) cacheable = true;
        if (item.entry->has_value() || planted(Bug::negative_lives_as_long_as_a_value)) {
            item.life = chain.life_of(facts->ttl ? facts->ttl : options_.ttl);
        } else {
            chain.absent.add();
            item.life = std::min(facts->ttl.value_or(chain.options.expiry.negative_ttl), detail::longest_life);
            cacheable = cacheable && *item.life > nanoseconds::zero();
        }
        if (cacheable) {
            item.fill = true;
            item.entry->expires = chain.memory_expiry(now, item.life);
            answer_with(item, {Source::Kind::loader, 0});
        } else {
            finish(item, Answer{item.entry, {Source::Kind::loader, 0}});
            deny(item);
        }
    }
    if (unloaded_.fetch_sub(1, std::memory_order_acq_rel) == 1) fill_and_end();
}

void Descent::answer_with(Item& item, Source source) {
    item.answered_at = chain_->runtime->now();
    if (!options_.skip.has_memory()) chain_->publish(item.entry, item.flight->superseded);
    finish(item, Answer{item.entry, source});
}

/// Who has a fallback that will do gets that instead of a failure, or of nothing.
void Descent::finish(const Item& item, const Result<Answer>& answer) {
    const auto waiters = chain_->flights.finish(item.flight);
    const bool is_failure = !answer && answer.error() != Errc::closed && !planted(Bug::stale_is_no_fallback);
    const bool is_nothing = answer && !answer->entry;
    if (!is_failure && !is_nothing) {
        for (const auto& waiter : waiters)
            waiter.operation->complete(waiter.index, answer);
        return;
    }
    const auto now = chain_->runtime->now();
    const auto reason = is_failure ? StaleReason::load_failed : StaleReason::not_loaded;
    for (const auto& waiter : waiters) {
        const auto fallback = waiter.fallback(item.flight->fallback, now);
        waiter.operation->complete(waiter.index,
                                   fallback.entry ? Result<Answer>(fallback.answer(reason, now)) : answer);
    }
}

/// The source has another answer than what is kept past its life, and that is to be kept nowhere.
void Descent::deny(const Item& item) {
    if (!item.previous || is_overtaken(item)) return;
    (void)erase(chain_, {item.entry}, {}, [](const detail::Reports&) {});
}

void Descent::serve_stale(Chain& chain, const FlightPtr& flight, StaleReason reason) {
    for (auto& [waiter, answer] : chain.flights.serve_stale(flight, reason, chain.runtime->now()))
        waiter.operation->complete(waiter.index, std::move(answer));
}

void Descent::fill_and_end() {
    const bool any = std::any_of(items_.begin(), items_.end(), [](const Item& item) { return item.fill || item.hold; });
    if (!any || !chain_->has_tiers_in_use(options_.skip) || chain_->scope->over()) {
        end();
        return;
    }
    asio::co_spawn(
        chain_->runtime->executor_here(),
        [](std::shared_ptr<Descent> self) -> asio::awaitable<void> {
            co_await self->fill_tiers();
            self->end();
        }(shared_from_this()),
        asio::detached);
}

/// Puts each answer into the tiers above the one that gave it.
asio::awaitable<void> Descent::fill_tiers() {
    std::vector<WireValue> values(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) {
        auto& item = items_[i];
        // An erasure that all tiers have confirmed is not to be undone in the nearer ones by a replica that lags.
        const bool may_be_old =
            item.answered_by < chain_->tiers.size() && chain_->tiers[item.answered_by]->reads_may_be_old();
        if (item.answered_by == 0 || may_be_old) item.fill = false;
        if (item.fill) values[i] = chain_->wire_value(*item.entry, item.life);
    }
    for (std::size_t t = 0; t < chain_->tiers.size(); ++t) {
        if (options_.skip.has_tier(t) || !chain_->tiers[t]->in_use()) continue;
        if (chain_->scope->over() && !planted(Bug::fill_begins_after_close)) continue;
        if (chain_->tiers[t]->leases()) {
            co_await end_leases(t, values);
            continue;
        }
        std::vector<Tier::Store> stores;
        std::vector<std::size_t> which;
        for (std::size_t i = 0; i < items_.size(); ++i) {
            const auto& item = items_[i];
            if (!item.fill || item.answered_by <= t || item.failed[t] || !has_life_left(item, values[i])) continue;
            if (is_overtaken(item) && !planted(Bug::overtaken_fill_is_written)) continue;
            stores.push_back({&item.key, &values[i], item.entry->hash, t + 1 == chain_->tiers.size()});
            which.push_back(i);
        }
        if (stores.empty()) continue;
        const auto signal = chain_->tiers[t]->begin_write(stores, SteadyTime::max());
        co_await signal->wait();
        co_await erase_overtaken(t, which);
    }
}

/// The value goes to a tier now, with what is left of its life by now: the tier before may have taken its time.
bool Descent::has_life_left(const Item& item, WireValue& value) const {
    if (!item.life || planted(Bug::fill_has_its_whole_life_again)) return true;
    value.life = *item.life - (chain_->runtime->now() - item.answered_at);
    return *value.life > nanoseconds::zero();
}

/// The flight hears of an invalidation only until its waiters are told; the fence stands until this descent ends.
bool Descent::is_overtaken(const Item& item) const {
    return item.flight->superseded.load() != 0 || !chain_->fences->believes(item.entry->hash, item.entry->version);
}

asio::awaitable<void> Descent::erase_overtaken(std::size_t t, const std::vector<std::size_t>& which) {
    std::vector<const WireKey*> overtaken;
    std::vector<std::uint64_t> hashes;
    for (const auto i : which) {
        if (!is_overtaken(items_[i]) || planted(Bug::overtaken_fill_is_not_erased)) continue;
        overtaken.push_back(&items_[i].key);
        hashes.push_back(items_[i].entry->hash);
    }
    if (overtaken.empty()) co_return;
    const auto signal = chain_->tiers[t]->begin_erase(overtaken, SteadyTime::max());
    const auto outcomes = co_await signal->wait();
    for (std::size_t n = 0; n < hashes.size(); ++n) {
        if (outcomes[n].kind == TierOutcome::Kind::done) continue;
        chain_->fences->fill_unknown(hashes[n]);
        if (chain_->scope->open()) chain_->repairs[t]->owe_erasure(*overtaken[n], chain_->fences->stamp());
    }
}

void Descent::end() {
    if (soft_timer_ != 0) chain_->runtime->cancel(soft_timer_);
    if (!chain_->tiers.empty()) chain_->fences->end(began_);
    // Nothing of the chain may be held when the scope hears of the end, since the cache may then go.
    const auto scope = chain_->scope;
    chain_.reset();
    scope->end();
}

} // namespace tiercel::chain
